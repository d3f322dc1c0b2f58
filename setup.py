"""Builds every _speedups/*.pyx as gateway._speedups.*, the price table and the ranks of tokens.

The rest is in pyproject.toml.

EXTENSIONS="http1 sse" builds only those (a developer's shortcut); ANNOTATE=1 leaves Cython's annotated HTML.
"""

import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

ROOT = Path(__file__).parent
ONLY = set(os.environ.get("EXTENSIONS", "").split())

sys.path.insert(0, str(ROOT))  # an isolated build does not have the project on its path

from gateway.providers._build_facts import ensure_table  # noqa: E402
from gateway.tokens._build_ranks import ensure_ranks  # noqa: E402


def extensions() -> list[Extension]:
    sources = sorted((ROOT / "_speedups").glob("*.pyx"))
    return [
        Extension(
            f"gateway._speedups.{source.stem}",
            [str(source.relative_to(ROOT))],
            include_dirs=["gateway/_speedups"],
            extra_compile_args=["-O3", "-g0", "-fno-plt", "-Wno-unused-function"],
        )
        for source in sources
        if not ONLY or source.stem in ONLY
    ]


ensure_table()
if not ensure_ranks():
    print("bpe-openai or tiktoken is not here: this build estimates tokens instead of counting them")
setup(
    ext_modules=cythonize(
        extensions(),
        build_dir="build/cython",
        annotate=bool(os.environ.get("ANNOTATE")),
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
        },
    )
)

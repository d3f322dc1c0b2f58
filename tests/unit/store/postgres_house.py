"""A PostgreSQL of the tests' own."""

from bench.postgres import MISSING, House, programs

__all__ = ["MISSING", "House", "programs"]

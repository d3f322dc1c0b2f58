"""Images count as their vendor documents it."""

import base64
import struct

import pytest

from gateway.dialects.counting.estimate import IMAGE
from gateway.schemas.chat import Image, Source
from gateway.tokens.images import image_tokens
from gateway.tokens.models import reading_of


def png(width: int, height: int, detail: str = "") -> Image:
    raw = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR" + struct.pack(">II", width, height)
    return Image(Source("image/png", data=base64.b64encode(raw).decode()), detail)


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        ("gpt-4o", (1024, 1024), 765),
        ("gpt-4o", (2048, 4096), 1105),
        ("gpt-4o", (128, 64), 255),
        ("gpt-4o-mini", (128, 64), 8500),
        ("o1", (128, 64), 225),
        ("gpt-5", (512, 512), 210),
        ("gpt-4.1-mini", (1024, 1024), 1658),
        ("gpt-4.1-mini", (1800, 2400), 2352),
        ("gpt-4.1-mini", (128, 64), 12),
        ("o4-mini", (1, 90_000), 2641),
        ("gemini-2.5-flash", (384, 384), 258),
        ("gemini-2.5-flash", (960, 540), 516),
        ("claude-sonnet-4", (1000, 750), 1000),
        ("claude-sonnet-4", (8000, 8000), 1600),
    ],
)
def test_an_image_counts_by_its_size(model: str, size: tuple[int, int], tokens: int) -> None:
    assert image_tokens(png(*size), reading_of(model)) == tokens


def test_low_detail_has_one_price_where_there_are_tiles() -> None:
    assert image_tokens(png(4000, 4000, "low"), reading_of("gpt-4o")) == 85
    assert image_tokens(png(1024, 1024, "low"), reading_of("gpt-4.1-nano")) == 2519


@pytest.mark.parametrize(
    "image", [png(0, 5), Image(Source(url="https://x/y.png")), Image(Source(data="AAAA"))]
)
def test_an_image_of_unknown_size_has_a_usual_one(image: Image) -> None:
    assert image_tokens(image, reading_of("gpt-4o")) == IMAGE

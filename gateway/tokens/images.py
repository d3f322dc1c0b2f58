"""The tokens of an image, by its vendor's formula.

Sources: OpenAI's "Images and vision" (tiles of 512 pixels, or patches of 32), Google's "Understand and count tokens"
(tiles of 768); all others by Anthropic's (width × height / 750).
"""

from math import ceil, sqrt

from gateway.dialects.counting.estimate import IMAGE, LARGEST_IMAGE, SMALLEST_IMAGE, image_size
from gateway.schemas.chat import Image
from gateway.tokens.models import Reading

_TILES = {"gpt-4o-mini": (2833, 5667), "gpt-5": (70, 140), "o1": (75, 150), "o3": (75, 150)}
"""By the beginning of a model's name: tokens of every image, and of each of its tiles."""
_OTHER_TILES = (85, 170)

_PATCHES = {
    "gpt-4.1-mini": 1.62,
    "gpt-4.1-nano": 2.46,
    "gpt-5-mini": 1.62,
    "gpt-5-nano": 2.46,
    "o4-mini": 1.72,
}
"""By the beginning of a model's name: tokens of a patch."""
_MOST_PATCHES = 1536
_PATCH = 32

Size = tuple[int, int]


def image_tokens(image: Image, reading: Reading) -> int:
    """`IMAGE` where the size cannot be seen: one at an address, or in an unknown format."""
    factor = next((tokens for name, tokens in _PATCHES.items() if reading.name.startswith(name)), 0.0)
    if reading.known and not factor and image.detail == "low":
        return _tiled(reading)[0]
    size = image_size(image.source.data) if image.source.data else None
    if size is None or 0 in size:
        return IMAGE
    if factor:
        return int(_patches(size) * factor)
    if reading.known:
        base, tile = _tiled(reading)
        return base + tile * _tiles(size)
    if reading.name.startswith("gemini"):
        return 258 * (1 if max(size) <= 384 else ceil(size[0] / 768) * ceil(size[1] / 768))
    return min(max(size[0] * size[1] // 750, SMALLEST_IMAGE), LARGEST_IMAGE)


def _tiled(reading: Reading) -> tuple[int, int]:
    return next((found for name, found in _TILES.items() if reading.name.startswith(name)), _OTHER_TILES)


def _tiles(size: Size) -> int:
    """Of 512 pixels, when the image was made to fit 2,048 × 2,048, then to have a short side of 768."""
    scale = min(1.0, 2048 / max(size))
    scale *= min(1.0, 768 / (min(size) * scale))
    return ceil(round(size[0] * scale) / 512) * ceil(round(size[1] * scale) / 512)


def _patches(size: Size) -> int:
    """As many as cover the image, which is made smaller where those are too many."""
    width, height = size[0] / _PATCH, size[1] / _PATCH
    if ceil(width) * ceil(height) <= _MOST_PATCHES:
        return ceil(width) * ceil(height)
    scale = sqrt(_MOST_PATCHES / (width * height))
    width, height = width * scale, height * scale
    if min(width, height) < 1:
        return _MOST_PATCHES
    scale = min(int(width) / width, int(height) / height)
    return min(ceil(round(width * scale, 6)) * ceil(round(height * scale, 6)), _MOST_PATCHES)

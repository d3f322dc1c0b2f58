"""Durations and sizes as people write them: "5s", "1m30s", "500ms"; "32MiB", "1GB"."""

import re

_NUMBER = r"\d{1,15}(?:\.\d{1,9})?"
_DURATION = re.compile(rf"(?:{_NUMBER}(?:ms|s|m|h|d))+", re.ASCII)
_PART = re.compile(rf"({_NUMBER})(ms|s|m|h|d)", re.ASCII)
_SIZE = re.compile(rf"({_NUMBER}) ?([a-z]+)", re.ASCII | re.IGNORECASE)
_PLAIN = re.compile(_NUMBER, re.ASCII)

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def seconds(text: str) -> float | None:
    """The seconds that `text` means; a bare number is seconds; None when it is no duration."""
    text = text.strip()
    if _PLAIN.fullmatch(text):
        return float(text)
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def size(text: str) -> int | None:
    """The bytes that `text` means; a bare number is bytes; None when it is no size."""
    text = text.strip()
    if _PLAIN.fullmatch(text):
        return int(text) if text.isdigit() else None
    found = _SIZE.fullmatch(text)
    scale = _BYTES.get(found[2].lower()) if found else None
    if found is None or scale is None:
        return None
    whole = float(found[1]) * scale
    return int(whole) if whole.is_integer() else None


def seconds_text(value: float) -> str:
    """`value` seconds in the largest units that say it exactly to the millisecond: 90.0 is "1m30s"."""
    left = round(value * 1000)
    parts = []
    for unit, scale in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, scale)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def size_text(value: int) -> str:
    """`value` bytes in the largest binary unit that says it exactly: 33554432 is "32MiB"."""
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if value and value % scale == 0:
            return f"{value // scale}{unit}"
    return f"{value}B"

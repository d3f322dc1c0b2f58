"""The last charge that each row of the ledger wrote into its journal: a worker may have died before it was settled.

A journal's file goes once it is stored. Before it does, its last charge is kept beside it, in a small file of its row.
"""

import os
from pathlib import Path

import msgspec

from gateway.schemas.charge import Charge
from gateway.telemetry.frames import HEAD, LONGEST, scan

SUFFIX = ".last"


class _Charged(msgspec.Struct, gc=False):
    """Of a record, what matters here."""

    charge: Charge | None = None


_decode = msgspec.msgpack.Decoder(_Charged).decode
_decode_charge = msgspec.msgpack.Decoder(Charge).decode


def last_charge(folder: Path, row: int) -> Charge | None:
    """The one with the highest number in the row's files. Raises OSError."""
    found = [_last_in(path) for path in folder.glob(f"*-{row}-*.log")]
    found.append(_kept(folder, row))  # after the files: what has left them meanwhile is there
    return max((one for one in found if one is not None), key=_age, default=None)


def keep_last(path: Path) -> None:
    """Keeps the last charge of a journal's file, which is about to be removed. Raises OSError."""
    charge = _last_in(path)
    row = path.stem.split("-")[1:2]
    if charge is None or not row or not row[0].isdigit():
        return
    before = _kept(path.parent, int(row[0]))
    if before is None or _age(before) < _age(charge):
        fresh = path.parent / f"{row[0]}{SUFFIX}~"
        fresh.write_bytes(msgspec.msgpack.encode(charge))
        fresh.replace(path.parent / f"{row[0]}{SUFFIX}")


def _age(charge: Charge) -> tuple[int, int]:
    return charge.ledger, charge.sequence


def _kept(folder: Path, row: int) -> Charge | None:
    try:
        return _decode_charge((folder / f"{row}{SUFFIX}").read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _last_in(path: Path) -> Charge | None:
    """Looks at the file's end alone. A row's numbers rise within a file."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - 2 * (LONGEST + HEAD.size)))
            data = file.read()
    except FileNotFoundError:
        return None
    for payload in reversed(scan(data, final=True).payloads):
        try:
            charge = _decode(payload).charge
        except (msgspec.DecodeError, UnicodeError):
            continue
        if charge is not None:
            return charge
    return None

"""Numbers of bytes as people read them."""

from __future__ import annotations

from typing import Final

_UNIT: Final = 1024
_FEW: Final = 10


def size(count: float) -> str:
    """Return a number of bytes: `388 KB`."""
    if count == 1:
        return "1 byte"
    for unit in ("bytes", "KB"):
        if count < _UNIT:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= _FEW else f"{count:.1f} {unit}"
        count /= _UNIT
    return f"{count:.1f} MB"

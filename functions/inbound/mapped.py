"""Large mails are in a temporary file that is mapped: only what is being read of them takes memory."""

from __future__ import annotations

import mmap
import shutil
import tempfile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import SupportsRead

#: A mail as it was received: in memory or, if it is large, mapped.
Raw = bytes | mmap.mmap

# from this size on a mail is mapped
MAPPED_BYTES: Final = 4 * 1024 * 1024
PIECE_BYTES: Final = 256 * 1024


def mapped(source: SupportsRead[bytes]) -> Raw:
    """Copy a mail to a temporary file without a name, and return it mapped."""
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(source, file, PIECE_BYTES)
        file.flush()
        # an empty file cannot be mapped
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if file.tell() else b""


def release(raw: Raw, start: int, end: int) -> None:
    """Free the memory that a part of a mapped mail takes; if it is needed again, it comes from the file."""
    if isinstance(raw, mmap.mmap) and end > start:
        first = start - start % mmap.PAGESIZE
        raw.madvise(mmap.MADV_DONTNEED, first, end - first)

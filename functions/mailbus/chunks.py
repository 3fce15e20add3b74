"""Items grouped into the calls that carry them: services limit a call by its items and by its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")


def chunked(
    items: Iterable[T], count: int, *, most_bytes: int | None = None, size: Callable[[T], int] = lambda _: 0
) -> Iterator[list[T]]:
    """Group items, in order, into lists of at most `count` items and `most_bytes` bytes in all.

    `size` returns an item's bytes. An item that is larger than `most_bytes` has a list of its own, for the
    service to refuse. Items are read as they are needed, never all of them at once.
    """
    chunk: list[T] = []
    filled = 0
    for item in items:
        more = size(item)
        if chunk and (len(chunk) == count or (most_bytes is not None and filled + more > most_bytes)):
            yield chunk
            chunk, filled = [], 0
        chunk.append(item)
        filled += more
    if chunk:
        yield chunk

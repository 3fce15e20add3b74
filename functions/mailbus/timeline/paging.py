"""Pages of the newest groups, from an index whose entries are spread over shards. Pure functions.

The index has an entry for each mail, at its time. A message has a mail for each recipient, and their times
may differ: the message is at the earliest of them, once and whole.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the index, of the item `name` of a group.

    `created` sorts by time, then by group: two groups never have the same.
    """

    created: str
    group: str
    name: str = ""


class Placed(Protocol):
    """What a group consists of, all of it."""

    @property
    def position(self) -> str:
        """The earliest `created` of its entries."""


P = TypeVar("P", bound=Placed)


def newest_first(shards: Iterable[Iterator[Entry]]) -> Iterator[Entry]:
    """Merge shards, each newest first. A shard is read only as far as its entries are needed."""
    return heapq.merge(*shards, key=lambda entry: entry.created, reverse=True)


def page_of(
    entries: Iterator[Entry], limit: int, read: Callable[[Mapping[str, Sequence[Entry]]], Mapping[str, P]]
) -> tuple[list[P], str | None]:
    """Return the next groups, at most `limit`, and the `created` below which the next page begins.

    The latter is None after the last page. `read` returns groups as they are now, given the entries of each
    that were met; it leaves out those that are not to be listed. A group comes once over all pages, although
    its entries may be far apart, and although other mail arrives between the pages.
    """
    found: list[P] = []
    last = None
    entry = next(entries, None)
    while entry is not None and len(found) < limit:
        scanned: dict[str, list[Entry]] = {}
        while entry is not None and (entry.group in scanned or len(scanned) < limit - len(found)):
            scanned.setdefault(entry.group, []).append(entry)
            last = entry.created
            entry = next(entries, None)
        groups = read(scanned)
        # a group whose earliest entry is further down comes there
        here = [
            content
            for group, content in groups.items()
            if any(met.created == content.position for met in scanned[group])
        ]
        found += sorted(here, key=lambda content: content.position, reverse=True)
    return found, None if entry is None else last

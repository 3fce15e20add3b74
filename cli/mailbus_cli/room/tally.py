"""Counts the rows of the list by the chips that they are under, and finds those of a chip."""

from __future__ import annotations

import threading
from collections import Counter
from heapq import nlargest
from typing import TYPE_CHECKING

from mailbus.timeline.items import position
from mailbus.timeline.mails import JOB_PREFIX
from mailbus_cli.room.sent_list import key_of
from mailbus_cli.status_words import CHIPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailbus.timeline.mails import TimelineMail
    from mailbus_cli.status_words import AnyStatus, Chip


class Tally:
    """The statuses of each row's messages. A message may be counted again, when it has others.

    All pages count in the same one, each on a thread of its own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[str, dict[str, frozenset[AnyStatus]]] = {}
        self._positions: dict[str, str] = {}
        self._chips: Counter[str] = Counter()

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    @property
    def by_chip(self) -> dict[str, int]:
        """How many rows are under each chip."""
        with self._lock:
            return {chip.key: self._chips[chip.key] for chip in CHIPS}

    def under(self, chip: Chip, before: str | None, limit: int) -> list[list[str]]:
        """Return the newest rows under a chip, of older ones those below `before`: the messages of each."""
        with self._lock:
            found = (
                key
                for key, at in self._positions.items()
                if (before is None or at < before)
                and any(not chip.statuses.isdisjoint(statuses) for statuses in self._rows[key].values())
            )
            return [list(self._rows[key]) for key in nlargest(limit, found, key=self._positions.__getitem__)]

    def see(self, mails: Iterable[TimelineMail]) -> None:
        """Count whole messages as they are now."""
        seen: dict[str, dict[str, set[AnyStatus]]] = {}
        positions: dict[str, str] = {}
        for mail in mails:
            key = key_of(mail)
            positions[key] = max(positions.get(key, ""), position(mail.created, mail.group))
            seen.setdefault(key, {}).setdefault(mail.group, set()).add(mail.status)
        with self._lock:
            for key, groups in seen.items():
                self._count(key, groups, positions[key])

    def _count(self, key: str, groups: Mapping[str, Iterable[AnyStatus]], at: str) -> None:
        known = self._rows.get(key, {})
        self._positions[key] = max(self._positions.get(key, ""), at)
        found = known | {group: frozenset(statuses) for group, statuses in groups.items()}
        accepted = {group: each for group, each in found.items() if not group.startswith(JOB_PREFIX)}
        # what failed before SES accepted it is overtaken
        now = accepted or found
        if now != known:
            self._chips.subtract(_chips(known))
            self._chips.update(_chips(now))
            self._rows[key] = now


def _chips(groups: dict[str, frozenset[AnyStatus]]) -> list[str]:
    statuses = frozenset().union(*groups.values())
    return [
        chip.key for chip in CHIPS if groups and (not chip.statuses or not chip.statuses.isdisjoint(statuses))
    ]

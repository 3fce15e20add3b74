"""Reads what the list of sent mail shows: the newest, or what a search found, merges whole."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.timeline.mails import MESSAGE_PREFIX, TimelineMail, same_recipient
from mailbus_cli import mails as timeline_search
from mailbus_cli.errors import UsageError
from mailbus_cli.job_states import read_records
from mailbus_cli.queries import TAG, Query, query_of
from mailbus_cli.room.kept import SHARE, Kept
from mailbus_cli.room.ledger_jobs import LedgerJob, ledger_job
from mailbus_cli.room.recently_used import RecentlyUsed
from mailbus_cli.room.sent_list import Item, items_of
from mailbus_cli.room.tally import Tally
from mailbus_cli.status_words import CHIPS, LEDGER_STATUSES, STATUS_WORDS, Chip

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailbus.timeline.table import TimelineTable
    from mailbus_cli.room.room import Room

#: Messages that are read at once after the first page, where few of them are listed.
STEP: Final = 200
#: Messages that one page looks through for a status, and past those of a large merge.
SEARCHED: Final = 1_000
#: Messages that are counted.
COUNTED: Final = 50_000
COUNT_STEP: Final = 500
#: A job that is no merge has one message; a second one if the answer for the first was lost.
FEW_MESSAGES: Final = 2
#: Merges whose mails are kept.
MERGES: Final = 50


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the list. `older` is where it goes on, `empty` what to say if nothing was found.

    `looked_through` is how many of the newest messages were read for it; `query` is what was looked for, None
    for a status or a text. `waiting` are the jobs that the ledger had meanwhile.
    """

    items: tuple[Item, ...]
    waiting: tuple[LedgerJob, ...] = ()
    older: str | None = None
    looked_through: int | None = None
    query: Query | None = None
    empty: str | None = None


class SentReader:
    """Reads one deployment. `page` is how many rows a part of the list has at most."""

    def __init__(self, room: Room, *, page: int) -> None:
        self._room = room
        self._deployment = room.deployment
        self._subjects = room.subjects
        self._page = page
        self._merges = _Merges()
        self._waiting = room.waiting
        self._tally: Kept[Tally] = Kept(self._count)

    def newest(self, before: str | None, chip: Chip) -> Listing:
        """Return the newest rows under a chip, of older ones those below `before`."""
        if chip.statuses and chip.statuses <= LEDGER_STATUSES:
            return self._not_accepted(chip)
        if chip.statuses and (tally := self._tally.value) is not None:
            return self._counted(tally, before, chip)
        table = self._table()
        found: dict[str, Item] = {}
        jobs = self._waiting.jobs()
        waiting = {job.job_id: job for job in jobs}
        looked_through, below = 0, before
        while True:
            limit = STEP if looked_through else self._page
            page = table.newest(below, limit)
            self._see(page.mails)
            looked_through += limit
            below = page.older
            for item in self._whole(page.mails, waiting):
                # a merge is where its newest message is
                if before is None or item.position < before:
                    found.setdefault(item.key, item)
            listed = [item for item in found.values() if item.has(chip)]
            if below is None or len(listed) >= self._page or looked_through >= SEARCHED:
                break
        counted = self._tally.value or ()
        listed += [
            item
            for item in (Item(job=job) for job in waiting.values() if job.job_id not in found)
            if item.has(chip)
            and item.key not in counted
            and (before is None or item.position < before)
            and (below is None or item.position > below)
        ]
        listed.sort(key=lambda item: item.position, reverse=True)
        shown = tuple(listed[: self._page])
        older = shown[-1].position if len(listed) > len(shown) else below
        return Listing(items=shown, waiting=jobs, older=older, looked_through=looked_through)

    def search(self, text: str, chip: Chip) -> Listing:
        """Return what a text finds. Raises `UsageError` for one that can be nothing."""
        try:
            query = query_of(text)
        except UsageError:
            if text.startswith(TAG) or "@" in text:
                raise
            return self._by_words(text, chip) or self._no_subject(text)
        found = timeline_search.search(self._deployment, text)
        if query.kind in {"address", "domain"}:
            # only those that were looked for, of a merge too
            items: Sequence[Item] = items_of(found.mails)
        else:
            items = self._whole(found.mails, {})
        listed = {item.key for item in items}
        waiting = (job for job in self._waiting.jobs() if job.job_id not in listed and _is_wanted(job, query))
        items = [*(Item(job=job) for job in waiting), *items]
        if query.kind == "job":
            items = self._with_ledger(query.value, items)
            if not items and (by_words := self._by_words(text, chip)):
                return by_words
        return Listing(
            items=tuple(item for item in items if item.has(chip)),
            looked_through=found.searched,
            query=query,
            empty=None if items else timeline_search.nothing_found(self._deployment, found),
        )

    def counts(self, waiting: Iterable[LedgerJob]) -> dict[str, int] | None:
        """Return how many rows are under each chip; None while they are counted, and of an account."""
        if not self._deployment.is_local:
            return None
        tally = self._tally.get()
        if tally is None:
            return None
        by_chip = tally.by_chip
        alone = [Item(job=job) for job in waiting if job.job_id not in tally]
        return {chip.key: by_chip[chip.key] + sum(item.has(chip) for item in alone) for chip in CHIPS}

    def _counted(self, tally: Tally, before: str | None, chip: Chip) -> Listing:
        """Return the rows under a chip that were counted, and those that came since."""
        table = self._table()
        if before is None:
            self._see(table.newest(None, self._page).mails)
        rows = tally.under(chip, before, self._page + 1)
        # one of a merge leads to all
        groups = [group for row in rows[: self._page] for group in row[:FEW_MESSAGES]]
        jobs = self._waiting.jobs()
        items = self._whole(table.mails(groups), {job.job_id: job for job in jobs})
        for item in items:
            self._see(item.mails)
        shown = sorted(
            (item for item in items if item.has(chip)), key=lambda item: item.position, reverse=True
        )
        return Listing(
            items=tuple(shown),
            waiting=jobs,
            older=shown[-1].position if shown and len(rows) > self._page else None,
        )

    def _not_accepted(self, chip: Chip) -> Listing:
        """Return the jobs that SES has not accepted, or not all of: only the laptop's ledger is listed."""
        if not self._deployment.is_local:
            empty = "Mail that waits is found by its job here. Search for the job's id."
            return Listing(items=(), empty=empty)
        jobs = self._waiting.jobs()
        table = self._table()
        # the timeline may know by now what SES accepted of them
        items = (Item(mails=table.by_job(job.job_id), job=job) for job in jobs[: self._page])
        return Listing(items=tuple(item for item in items if item.has(chip)), waiting=jobs)

    def _by_words(self, text: str, chip: Chip) -> Listing | None:
        """Return the mails that have a status of this name, or on the laptop this text in their subject."""
        wanted = _statuses(text)
        if wanted is not None:
            listed = self.newest(None, wanted)
            empty = f"No mail is {text.lower()}."
            if listed.looked_through:
                empty += f" The newest {listed.looked_through:,} messages were looked through."
            items = tuple(item for item in listed.items if item.has(chip))
            return Listing(items=items, empty=None if listed.items else empty)
        if not self._deployment.is_local:
            return None
        by_row = {one.job_id or one.message_id: one for one in reversed(self._subjects.containing(text))}
        newest = list(reversed(by_row.values()))[: self._page]
        table = self._table()
        mails = table.mails(f"{MESSAGE_PREFIX}{one.message_id}" for one in newest)
        jobs = [
            Item(job=job)
            for job in self._waiting.jobs()
            if job.job_id not in by_row and text.casefold() in (job.subject or "").casefold()
        ]
        found = [item for item in (*jobs, *self._whole(mails, {})) if item.has(chip)]
        return Listing(items=tuple(found)) if found else None

    def _no_subject(self, text: str) -> Listing:
        if not self._deployment.is_local:
            query_of(text)
        return Listing(items=(), empty=f"No mail has “{text}” in its subject.")

    def _with_ledger(self, job_id: str, items: Sequence[Item]) -> Sequence[Item]:
        """Return a job's row with what the ledger knows: all if the timeline has nothing yet."""
        if items and all(item.mails and item.mails[0].entry is None for item in items):
            return items
        job = ledger_job(read_records(self._deployment, job_id), now=time.time())
        if job is None:
            return items
        (job,) = self._waiting.with_content((job,))
        return [msgspec.structs.replace(item, job=job) for item in items] or [Item(job=job)]

    def _whole(self, mails: Iterable[TimelineMail], waiting: dict[str, LedgerJob]) -> list[Item]:
        """Return what rows are of, with all mails of a merge of which some are given."""
        items = items_of(mails)
        merges = [item.key for item in items if any(mail.entry is not None for mail in item.mails)]
        whole = self._merges.of(self._table(), merges) if merges else {}
        return [
            Item(mails=whole[item.key], job=waiting.get(item.key)) if whole.get(item.key) else item
            for item in items
        ]

    def _table(self) -> TimelineTable:
        if self._room.timeline is None:
            raise timeline_search.NoTimeline(self._deployment)
        return self._room.timeline

    def _see(self, mails: Iterable[TimelineMail]) -> None:
        tally = self._tally.value
        if tally is not None:
            tally.see(mails)

    def _count(self) -> Tally:
        table, tally, before, counted = self._table(), Tally(), None, 0
        while counted < COUNTED:
            page = table.newest(before, COUNT_STEP)
            tally.see(page.mails)
            counted += COUNT_STEP
            before = page.older
            if before is None:
                break
        return tally


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    mails: tuple[TimelineMail, ...]
    until: float


class _Merges:
    """All mails of merges, each read again when that takes a small share of the time."""

    def __init__(self) -> None:
        self._known: RecentlyUsed[_Kept] = RecentlyUsed(MERGES)

    def of(self, table: TimelineTable, job_ids: Iterable[str]) -> dict[str, tuple[TimelineMail, ...]]:
        """Return the mails of each merge."""
        return {job_id: self._one(table, job_id) for job_id in dict.fromkeys(job_ids)}

    def _one(self, table: TimelineTable, job_id: str) -> tuple[TimelineMail, ...]:
        begun = time.monotonic()
        kept = self._known.get(job_id)
        if kept is None or begun >= kept.until:
            mails = table.by_job(job_id)
            now = time.monotonic()
            kept = _Kept(mails=mails, until=now + (now - begun) / SHARE)
            self._known.keep(job_id, kept)
        return kept.mails


def _statuses(text: str) -> Chip | None:
    """Return the statuses that a text names: a status or a chip."""
    name = text.casefold()
    for chip in CHIPS:
        if chip.statuses and name in {chip.key, chip.label.casefold()}:
            return chip
    found = frozenset(status for status, words in STATUS_WORDS.items() if name in {status, words.label})
    return Chip(key="", label=text, statuses=found) if found else None


def _is_wanted(job: LedgerJob, query: Query) -> bool:
    """Return True if a search finds a job that waits, as far as its recipients and tags are known."""
    match query.kind:
        case "address":
            return any(same_recipient(address, query.value) for address in job.recipients)
        case "domain":
            return any(address.lower().endswith(query.value.lower()) for address in job.recipients)
        case "tag":
            return query.value in job.tags
        case _:
            return False

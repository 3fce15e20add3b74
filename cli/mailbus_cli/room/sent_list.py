"""The list of sent mail as its page shows it: a row for each message, and one for all of a merge. Pure."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.timeline.items import position
from mailbus.timeline.mails import TimelineMail
from mailbus_cli.room.ledger_jobs import LedgerJob, reason
from mailbus_cli.room.recipients_view import Segment, recipients, segments
from mailbus_cli.status_words import STATUS_WORDS, AnyStatus, Chip, by_status, outcome
from mailbus_cli.words import label_of, outcome_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mailbus_cli.room.subjects import Subject

#: Of so many recipients one is named; of more only their number is said.
FEW: Final = 5
#: Addresses that can be copied from a row.
COPIED: Final = 50


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """What a row is of: the mails of a message or of a merge, and its job by the ledger while that waits."""

    mails: tuple[TimelineMail, ...] = ()
    job: LedgerJob | None = None

    @property
    def key(self) -> str:
        """The same from the job's first event to its last."""
        if not self.mails:
            return self.job.job_id if self.job else ""
        return key_of(self.mails[0])

    @property
    def position(self) -> str:
        """Where it is in the list, as the timeline's index sorts: by its newest message."""
        if self.mails:
            created: dict[str, str] = {}
            for mail in self.mails:
                at = position(mail.created, mail.group)
                created[mail.group] = min(created.get(mail.group, at), at)
            return max(created.values())
        return position(datetime.fromtimestamp(self.job.since if self.job else 0.0, UTC), f"job#{self.key}")

    @property
    def statuses(self) -> list[AnyStatus]:
        """The status of each of its mails."""
        found: list[AnyStatus] = [mail.status for mail in self.mails]
        if self.job is None:
            return found
        if not found:
            return self.job.all or ["waiting"]
        # what the ledger read a moment earlier may be on the timeline by now
        left = len(self.job.all) - len(found)
        return found + self.job.waiting[: max(left, 0)]

    def has(self, chip: Chip) -> bool:
        """Return True if any of its mails has a status of a chip."""
        return not chip.statuses or not chip.statuses.isdisjoint(self.statuses)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row: `label` names the status that most needs attention, `reason` says why, or what the others have.

    `id` is that of its page. `key` is the same from the job's first event to its last. `addresses` are those
    of its recipients, problems first, at most `COPIED`; none where nobody knows them yet.
    """

    id: str
    key: str
    status: str
    label: str
    tone: str
    glyph: str
    is_attention: bool
    addresses: tuple[str, ...]
    count: int
    segments: tuple[Segment, ...]
    sentence: str
    reason: str | None
    subject: str | None
    job_id: str | None
    tags: tuple[str, ...]
    last: datetime

    @property
    def version(self) -> str:
        """A text that is another one when anything that the row shows is."""
        return f"{zlib.crc32(msgspec.json.encode(self)):x}"

    @property
    def is_few(self) -> bool:
        """True if a recipient is named."""
        return bool(self.addresses) and self.count <= FEW


def key_of(mail: TimelineMail) -> str:
    """Return the key of the row that a mail is in."""
    return mail.job_id or mail.message_id or mail.group


def items_of(mails: Iterable[TimelineMail]) -> tuple[Item, ...]:
    """Return what rows are of in the mails' order: those of one job are one."""
    grouped: dict[str, list[TimelineMail]] = {}
    for mail in mails:
        grouped.setdefault(key_of(mail), []).append(mail)
    return tuple(Item(mails=tuple(group)) for group in grouped.values())


def rows(
    items: Iterable[Item],
    subjects: Mapping[str, Subject],
    *,
    option: str,
    doubt_seconds: float | None = None,
    now: float,
) -> tuple[Row, ...]:
    """Return the rows; `subjects` are by message id, `option` chooses the deployment in a command."""
    return tuple(
        _row(item, subjects)
        if item.job is None or item.mails
        else _waiting_row(item.job, item.statuses, option=option, doubt_seconds=doubt_seconds, now=now)
        for item in items
    )


def _row(item: Item, subjects: Mapping[str, Subject]) -> Row:
    mails, statuses = item.mails, item.statuses
    counts = by_status(statuses)
    status, same = next(iter(counts.items()))
    people = recipients(mails).listed
    worst, first = people[0], mails[0]
    is_merge = len({mail.group for mail in mails}) > 1 or first.entry is not None
    deciding = worst.mail.deciding if worst.status == status else None
    label = label_of(status, deciding.event_type if deciding else None)
    return Row(
        id=str(first.job_id if is_merge or first.message_id is None else first.message_id),
        key=item.key,
        status=status,
        label=label if len(statuses) == 1 else f"{label} {same:,} of {len(statuses):,}",
        tone=STATUS_WORDS[status].tone,
        glyph=STATUS_WORDS[status].glyph,
        is_attention=STATUS_WORDS[status].attention,
        addresses=tuple(each.address for each in people[:COPIED]),
        count=len(statuses),
        segments=segments(statuses),
        sentence=outcome(statuses),
        reason=_others(counts) or (_why(worst.mail) if STATUS_WORDS[status].attention else None),
        subject=_subject(mails, subjects),
        job_id=first.job_id,
        tags=next((mail.tags for mail in mails if mail.tags), ()),
        last=max(mail.last for mail in mails),
    )


def _waiting_row(
    job: LedgerJob, statuses: Sequence[AnyStatus], *, option: str, doubt_seconds: float | None, now: float
) -> Row:
    status, same = next(iter(by_status(statuses).items()))
    words = STATUS_WORDS[status]
    return Row(
        id=job.job_id,
        key=job.job_id,
        status=status,
        label=words.label if len(statuses) == 1 else f"{words.label} {same:,} of {len(statuses):,}",
        tone=words.tone,
        glyph=words.glyph,
        is_attention=words.attention,
        addresses=job.recipients[:COPIED],
        count=len(statuses),
        segments=segments(statuses),
        sentence=outcome(statuses),
        reason=reason(job, option=option, doubt_seconds=doubt_seconds, now=now),
        subject=job.subject,
        job_id=job.job_id,
        tags=job.tags,
        last=datetime.fromtimestamp(job.since, UTC),
    )


def _others(counts: Mapping[AnyStatus, int]) -> str | None:
    """Return what the others have where the statuses differ: `3 deferred, 1 sent, 31 delivered`."""
    _, *others = counts.items()
    return ", ".join(f"{count:,} {STATUS_WORDS[status].label}" for status, count in others) or None


def _why(mail: TimelineMail) -> str:
    """Return the reason of a problem: in the server's words, or else in plain ones."""
    explained = outcome_of(mail, None)
    text = explained.server or explained.sentence
    delivered, bounced = mail.seen.get("delivered"), mail.seen.get("bounced")
    if mail.status != "bounced_late" or delivered is None or bounced is None:
        return text
    return f"accepted at {_clock(delivered.at)}, returned at {_clock(bounced.at)}: {text}"


def _clock(at: datetime) -> str:
    return f"{at.astimezone():%H:%M:%S}"


def _subject(mails: Sequence[TimelineMail], subjects: Mapping[str, Subject]) -> str | None:
    known = (subjects.get(mail.message_id) for mail in mails if mail.message_id)
    return next((one.subject for one in known if one), None)

"""The list of sent mail as its page shows it: a row for each message, and one for all of a merge. Pure."""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from mailbus_cli.room.recipients_view import Recipients, recipients

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailbus.timeline.mails import TimelineMail


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A message or a merge; `label` names the status that most needs attention, `reason` says why.

    `id` is that of its page. `key` is the same from the job's first event to its last.
    """

    id: str
    key: str
    recipients: Recipients
    label: str
    reason: str | None
    subject: str | None
    job_id: str | None
    tags: tuple[str, ...]
    last: datetime

    @property
    def count(self) -> int:
        """How many recipients it has."""
        return len(self.recipients.listed)

    @property
    def version(self) -> str:
        """A text that is another one when anything that the row shows is."""
        return f"{zlib.crc32(msgspec.json.encode(self)):x}"


def rows(mails: Iterable[TimelineMail], subjects: Mapping[str, str]) -> tuple[Row, ...]:
    """Return the rows of mails in the mails' order; `subjects` are by message id."""
    mails = tuple(mails)
    messages: dict[str, set[str]] = {}
    for mail in mails:
        messages.setdefault(mail.job_id or "", set()).add(mail.group)
    grouped: dict[str, list[TimelineMail]] = {}
    for mail in mails:
        is_merge = mail.job_id is not None and len(messages[mail.job_id]) > 1
        grouped.setdefault(f"merge {mail.job_id}" if is_merge else mail.group, []).append(mail)
    return tuple(_row(group, subjects) for group in grouped.values())


def _row(mails: list[TimelineMail], subjects: Mapping[str, str]) -> Row:
    found, first = recipients(mails), mails[0]
    worst, same = found.listed[0], found.segments[0].count
    is_merge = len({mail.group for mail in mails}) > 1
    deciding = worst.mail.deciding
    return Row(
        id=str(first.job_id if is_merge or first.message_id is None else first.message_id),
        key=first.job_id or first.message_id or first.group,
        recipients=found,
        label=worst.label if len(mails) == 1 else f"{worst.label} {same} of {len(mails)}",
        reason=deciding.text if worst.is_attention and deciding else None,
        subject=next((subjects[one] for mail in mails if (one := mail.message_id) in subjects and one), None),
        job_id=first.job_id,
        tags=next((mail.tags for mail in mails if mail.tags), ()),
        last=max(mail.last for mail in mails),
    )

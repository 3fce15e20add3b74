"""The recipients of one mail, or of a merge, as its page shows them: problems first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.timeline.mails import TimelineMail
from mailbus.timeline.status import PROBLEMS
from mailbus_cli.words import STATUS_WORDS, by_status, label_of, outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus_cli.words import AnyStatus

#: Recipients that a page shows at first.
SHOWN: Final = 50


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the bar, and a chip: how many have a status, and their share in percent."""

    status: str
    label: str
    tone: str
    count: int
    percent: float


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient with its mail."""

    mail: TimelineMail
    status: str
    label: str
    tone: str
    glyph: str
    is_attention: bool

    @property
    def address(self) -> str:
        """The address; SES may name none."""
        return self.mail.recipient or "(unknown)"


class Recipients(msgspec.Struct, frozen=True, kw_only=True):
    """All recipients, problems first, with their counts and what became of them in a sentence."""

    listed: tuple[Recipient, ...]
    segments: tuple[Segment, ...]
    sentence: str

    @property
    def problems(self) -> tuple[str, ...]:
        """The addresses of those with a problem."""
        return tuple(each.address for each in self.listed if each.mail.status in PROBLEMS)


def recipients(mails: Sequence[TimelineMail]) -> Recipients:
    """Return the recipients of these mails in the order in which people look for them."""
    statuses: list[AnyStatus] = [mail.status for mail in mails]
    counts = by_status(statuses)
    order = {status: position for position, status in enumerate(counts)}
    listed = sorted(mails, key=lambda mail: (order[mail.status], mail.recipient or ""))
    return Recipients(
        listed=tuple(map(_recipient, listed)),
        segments=segments(statuses),
        sentence=outcome(statuses),
    )


def segments(statuses: Sequence[AnyStatus]) -> tuple[Segment, ...]:
    """Return how many have each status, problems first."""
    return tuple(
        Segment(
            status=status,
            label=STATUS_WORDS[status].label.capitalize(),
            tone=STATUS_WORDS[status].tone,
            count=count,
            percent=round(100 * count / len(statuses), 2),
        )
        for status, count in by_status(statuses).items()
    )


def _recipient(mail: TimelineMail) -> Recipient:
    words = STATUS_WORDS[mail.status]
    return Recipient(
        mail=mail,
        status=mail.status,
        label=label_of(mail.status, mail.deciding.event_type if mail.deciding else None),
        tone=words.tone,
        glyph=words.glyph,
        is_attention=words.attention,
    )

"""The statuses of mails as people read them: label, tone, glyph, what it means and what to do; the chips.

`scheduled`, `held`, `in_doubt`, `waiting` and `cancelled` are of the ledger: what is known of a mail before
its first event. docs/where-is-my-mail.md has the same table.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from mailbus.timeline.status import PROBLEMS, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LedgerStatus = Literal["scheduled", "held", "in_doubt", "waiting", "cancelled"]
AnyStatus = Status | LedgerStatus
Tone = Literal["grey", "blue", "amber", "green", "violet", "red", "magenta"]
Glyph = Literal[
    "dots", "clock", "ring", "plane", "pause", "question", "tick", "eye", "hand", "return", "cross", "flag"
]


class StatusWords(msgspec.Struct, frozen=True, kw_only=True):
    """A status as people read it. `attention` is true of what somebody should look at."""

    label: str
    tone: Tone
    glyph: Glyph
    sentence: str
    advice: str
    attention: bool = False


class Chip(msgspec.Struct, frozen=True, kw_only=True):
    """A choice of mails by their status; no statuses are all."""

    key: str
    label: str
    statuses: frozenset[AnyStatus]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Statuses that one part of the outcome counts together, after a number: `2 bounced`, `1 is deferred`."""

    statuses: frozenset[AnyStatus]
    one: str
    many: str


_NOTHING: Final = "Nothing to do."
STATUS_WORDS: Final[Mapping[AnyStatus, StatusWords]] = {
    "none": StatusWords(
        label="none",
        tone="grey",
        glyph="dots",
        sentence="Nothing is known of it yet.",
        advice="Look again later.",
    ),
    "unknown": StatusWords(
        label="unknown",
        tone="grey",
        glyph="dots",
        sentence="What is known does not say whether it arrived.",
        advice="Read its timeline.",
    ),
    "scheduled": StatusWords(
        label="scheduled",
        tone="grey",
        glyph="clock",
        sentence="It is sent at the time that was asked for.",
        advice="Nothing to do; until then it can be cancelled.",
    ),
    "waiting": StatusWords(
        label="waiting",
        tone="grey",
        glyph="clock",
        sentence="It waits for its turn, or for another try.",
        advice=_NOTHING,
    ),
    "held": StatusWords(
        label="held",
        tone="amber",
        glyph="pause",
        sentence="It waits until the account may send again: sending is paused, or the quota is used up.",
        advice="Ask the operator of the account: `mailbus doctor` names the reason.",
        attention=True,
    ),
    "in_doubt": StatusWords(
        label="in doubt",
        tone="amber",
        glyph="question",
        sentence="SES did not answer: it may have accepted the mail.",
        advice="Nothing to do: Mailbus looks for SES's events, then decides.",
        attention=True,
    ),
    "cancelled": StatusWords(
        label="cancelled",
        tone="grey",
        glyph="cross",
        sentence="It was cancelled before it was sent.",
        advice="Nothing to do; to send it after all, use a new id.",
    ),
    "not_sent": StatusWords(
        label="not sent",
        tone="red",
        glyph="cross",
        sentence="It was not sent: SES never accepted it.",
        advice="Fix the reason; then redrive the dead letter, or send it again.",
        attention=True,
    ),
    "queued": StatusWords(
        label="queued",
        tone="blue",
        glyph="ring",
        sentence="SES accepted it.",
        advice="Look again in a minute.",
    ),
    "sent": StatusWords(
        label="sent",
        tone="blue",
        glyph="plane",
        sentence="SES has it and tries to deliver.",
        advice="Look again in a few minutes.",
    ),
    "deferred": StatusWords(
        label="deferred",
        tone="amber",
        glyph="clock",
        sentence="The recipient's server has not taken it yet.",
        advice="Nothing to do: SES tries again by itself.",
        attention=True,
    ),
    "delivered": StatusWords(
        label="delivered",
        tone="green",
        glyph="tick",
        sentence="The recipient's server took it.",
        advice="If the recipient does not find it: it may be in the spam folder.",
    ),
    "opened": StatusWords(
        label="opened", tone="violet", glyph="eye", sentence="It arrived, and was opened.", advice=_NOTHING
    ),
    "clicked": StatusWords(
        label="clicked",
        tone="violet",
        glyph="hand",
        sentence="It arrived, and a link in it was followed.",
        advice=_NOTHING,
    ),
    "bounced": StatusWords(
        label="bounced",
        tone="red",
        glyph="return",
        sentence="The recipient's server refused it, or SES did not try.",
        advice="The reason says what to do: mostly, correct the address.",
        attention=True,
    ),
    "bounced_late": StatusWords(
        label="bounced late",
        tone="red",
        glyph="return",
        sentence="The recipient's server took it, and returned it later.",
        advice="The reason says what to do.",
        attention=True,
    ),
    "failed": StatusWords(
        label="failed",
        tone="red",
        glyph="cross",
        sentence="SES accepted it, and could not make the mail of its template.",
        advice="Fix the template or its data, and send it again with a new id.",
        attention=True,
    ),
    "rejected": StatusWords(
        label="rejected",
        tone="red",
        glyph="cross",
        sentence="SES accepted it, then found a virus in it.",
        advice="Check its attachments.",
        attention=True,
    ),
    "complained": StatusWords(
        label="complained",
        tone="magenta",
        glyph="flag",
        sentence="It arrived, and the recipient marked it as spam.",
        advice="Send no more mail of this kind to the address.",
        attention=True,
    ),
}
LEDGER_STATUSES: Final[frozenset[AnyStatus]] = frozenset({"scheduled", "held", "in_doubt", "waiting"})
CHIPS: Final = (
    Chip(key="all", label="All", statuses=frozenset()),
    Chip(key="problems", label="Problems", statuses=frozenset(PROBLEMS)),
    Chip(key="waiting", label="Waiting", statuses=LEDGER_STATUSES),
    Chip(key="on-its-way", label="On its way", statuses=frozenset({"queued", "sent"})),
    Chip(key="deferred", label="Deferred", statuses=frozenset({"deferred"})),
    Chip(key="delivered", label="Delivered", statuses=frozenset({"delivered"})),
    Chip(key="opened", label="Opened", statuses=frozenset({"opened", "clicked"})),
    Chip(key="bounced", label="Bounced", statuses=frozenset({"bounced", "bounced_late"})),
    Chip(key="complained", label="Complained", statuses=frozenset({"complained"})),
    Chip(key="failed", label="Failed", statuses=frozenset({"failed", "rejected"})),
    Chip(key="not-sent", label="Not sent", statuses=frozenset({"not_sent", "cancelled"})),
    Chip(key="unknown", label="Unknown", statuses=frozenset({"none", "unknown"})),
)
#: In the order in which they are said: problems first.
GROUPS: Final = (
    Group(statuses=frozenset({"bounced", "bounced_late"}), one="bounced", many="bounced"),
    Group(statuses=frozenset({"complained"}), one="complained", many="complained"),
    Group(statuses=frozenset({"failed"}), one="failed", many="failed"),
    Group(statuses=frozenset({"rejected"}), one="was rejected", many="were rejected"),
    Group(statuses=frozenset({"not_sent"}), one="was not sent", many="were not sent"),
    Group(statuses=frozenset({"cancelled"}), one="was cancelled", many="were cancelled"),
    Group(statuses=frozenset({"deferred"}), one="is deferred", many="are deferred"),
    Group(statuses=frozenset({"in_doubt"}), one="is in doubt", many="are in doubt"),
    Group(statuses=frozenset({"held"}), one="is held", many="are held"),
    Group(statuses=frozenset({"scheduled"}), one="is scheduled", many="are scheduled"),
    Group(statuses=frozenset({"waiting"}), one="waits", many="wait"),
    Group(statuses=frozenset({"queued", "sent"}), one="is on its way", many="are on their way"),
    Group(statuses=frozenset({"delivered", "opened", "clicked"}), one="arrived", many="arrived"),
    Group(statuses=frozenset({"none", "unknown"}), one="is unknown", many="are unknown"),
)


def label_of(status: AnyStatus, event_type: str | None = None) -> str:
    """Return how a status is shown; what was not sent by its event, `failed` or `rejected`."""
    return event_type if status == "not_sent" and event_type else STATUS_WORDS[status].label


def outcome(statuses: Iterable[AnyStatus]) -> str:
    """Return what became of a mail's recipients, such as "2 of 50 bounced, 1 is deferred, 47 arrived."."""
    counted = Counter(statuses)
    total = counted.total()
    counts = [(sum(counted[status] for status in group.statuses), group) for group in GROUPS]
    said = [(count, group) for count, group in counts if count]
    if not said:
        return "There are no recipients."
    (first, group), *others = said
    if not others:
        return f"All {total:,} {group.many}." if total > 1 else f"It {group.one}."
    parts = [f"{first:,} of {total:,} {group.one if first == 1 else group.many}"]
    parts += [f"{count:,} {group.one if count == 1 else group.many}" for count, group in others]
    return ", ".join(parts) + "."


def by_status(statuses: Iterable[AnyStatus]) -> dict[AnyStatus, int]:
    """Return how many have each status, problems first, in the order of the outcome."""
    counted = Counter(statuses)
    ordered = (status for group in GROUPS for status in STATUS_WORDS if status in group.statuses)
    return {status: counted[status] for status in ordered if counted[status]}

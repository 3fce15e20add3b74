"""The status of a mail for one recipient: a pure function of its events, in any order and any number.

`TABLE` is complete: it has the next status for every status and every kind of event. A late, repeated or
out-of-order event never moves a mail backwards; delivered and bounced, in either order, is bounced late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

from mailbus.events.error_codes import JOB_ID_CONFLICT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailbus.events import EmailEvent

#: In order: of two statuses a mail has the later one.
Status = Literal[
    "none",
    "unknown",
    "not_sent",
    "queued",
    "sent",
    "deferred",
    "delivered",
    "opened",
    "clicked",
    "bounced",
    "bounced_late",
    "failed",
    "rejected",
    "complained",
]
#: What an event means for the status. `not_sent` is a failure before SES accepted the mail, so that sending
#: the job again can still succeed; `mark` does not change the status.
Kind = Literal[
    "queued",
    "sent",
    "deferred",
    "delivered",
    "opened",
    "clicked",
    "bounced",
    "failed",
    "rejected",
    "complained",
    "not_sent",
    "mark",
]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
#: Statuses that somebody has to do something about.
PROBLEMS: Final[frozenset[Status]] = frozenset(
    {"not_sent", "bounced", "bounced_late", "failed", "rejected", "complained"}
)

# A row for each status, a column for each kind in the order of `KINDS`: `·` is unchanged, `E` the event's
# own status, `L` bounced_late, `U` unknown.
_ROWS: Final[Mapping[Status, str]] = {
    "none":         "E E E E E E E E E E E U",
    "unknown":      "E E E E E E E E E E E ·",
    "not_sent":     "E E E E E E E E E E · ·",
    "queued":       "· E E E E E E E E E · ·",
    "sent":         "· · E E E E E E E E · ·",
    "deferred":     "· · · E E E E E E E · ·",
    "delivered":    "· · · · E E L E E E · ·",
    "opened":       "· · · · · E L E E E · ·",
    "clicked":      "· · · · · · L E E E · ·",
    "bounced":      "· · · L L L · E E E · ·",
    "bounced_late": "· · · · · · · E E E · ·",
    "failed":       "· · · · · · · · E E · ·",
    "rejected":     "· · · · · · · · · E · ·",
    "complained":   "· · · · · · · · · · · ·",
}  # fmt: skip
_OWN: Final[Mapping[Kind, Status]] = {
    "queued": "queued",
    "sent": "sent",
    "deferred": "deferred",
    "delivered": "delivered",
    "opened": "opened",
    "clicked": "clicked",
    "bounced": "bounced",
    "failed": "failed",
    "rejected": "rejected",
    "complained": "complained",
    "not_sent": "not_sent",
    "mark": "unknown",
}


def _next(status: Status, kind: Kind, cell: str) -> Status:
    cells: Mapping[str, Status] = {"·": status, "E": _OWN[kind], "L": "bounced_late", "U": "unknown"}
    return cells[cell]


#: The next status, by status and kind of the event.
TABLE: Final[Mapping[Status, Mapping[Kind, Status]]] = {
    status: {kind: _next(status, kind, cell) for kind, cell in zip(KINDS, row.split(), strict=True)}
    for status, row in _ROWS.items()
}


def status_of(kinds: Iterable[Kind]) -> Status:
    """Return the status that events of these kinds give, in any order."""
    status: Status = "none"
    for kind in kinds:
        status = TABLE[status][kind]
    return status


def kind_of(event: EmailEvent) -> Kind | None:
    """Return what an event means for the status of its mail; None if it is of no mail.

    A job that is refused because its id is another job's is none of that job's mails. An event that may be of
    another recipient, an open or click that SES takes for a program's, and a complaint that says "not spam"
    are marks.
    """
    if event.error_code == JOB_ID_CONFLICT:
        return None
    if event.event_type in {"failed", "rejected"} and event.message_id is None:
        return "not_sent"
    if event.recipient_ambiguous or event.bot == "likely":
        return "mark"
    if event.complaint is not None and event.complaint.feedback_type == "not-spam":
        return "mark"
    return _BY_EVENT_TYPE.get(event.event_type, "mark")


_BY_EVENT_TYPE: Final[Mapping[str, Kind]] = {kind: kind for kind in KINDS if kind not in {"not_sent", "mark"}}

"""Finds a sent mail with what is known of it: its recipients, its events, on the laptop its content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.timeline.mails import TimelineEvent, TimelineMail, same_recipient
from mailbus_cli.errors import CommandError
from mailbus_cli.job_states import JobState, read_job
from mailbus_cli.room import simulator
from mailbus_cli.room.content import drafts
from mailbus_cli.room.content import mail as mail_content
from mailbus_cli.room.recipients_view import recipients
from mailbus_cli.room.simulator import Message
from mailbus_cli.room.tracking import Tracked, tracked

if TYPE_CHECKING:
    from mailbus.timeline.table import TimelineTable
    from mailbus_cli.deployment import Deployment

OTHERS: Final = 10
# of a path of the simulated SES
_ID_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.@+")


class SentMail(msgspec.Struct, frozen=True, kw_only=True):
    """A message, or a job before SES accepted it and for a merge.

    `mails` are one for each recipient, problems first; `selected` is the one whose timeline (`events`) and
    content (`message`) are shown.
    """

    id: str
    mails: tuple[TimelineMail, ...]
    selected: TimelineMail | None
    events: tuple[TimelineEvent, ...] = ()
    message: Message | None = None
    ledger: JobState | None = None

    @property
    def job_id(self) -> str | None:
        """The job's id."""
        known = next((mail.job_id for mail in self.mails if mail.job_id), None)
        return known or (self.ledger.job_id if self.ledger else None)

    @property
    def is_merge(self) -> bool:
        """True if each recipient has a message of its own."""
        return len({mail.message_id for mail in self.mails}) > 1

    @property
    def tags(self) -> tuple[str, ...]:
        """The job's tags."""
        known = next((mail.tags for mail in self.mails if mail.tags), ())
        return known or (self.ledger.tags if self.ledger else ())


def find(
    deployment: Deployment, table: TimelineTable | None, mail_id: str, recipient: str | None
) -> SentMail | None:
    """Return a mail by SES's message id or its job's id; None if nothing is known of it."""
    if not mail_id or not set(mail_id) <= _ID_CHARACTERS:
        return None
    mails = () if table is None else table.by_message(mail_id) or table.by_job(mail_id)
    if not mails:
        ledger = ledger_of(deployment, mail_id)
        # a stage without a timeline has no more than this
        accepted = ledger.message_ids if ledger else ()
        message = simulator.message(deployment, accepted[0] if len(accepted) == 1 else mail_id)
        if message is None and ledger is None:
            return None
        return SentMail(id=mail_id, mails=(), selected=None, message=message, ledger=ledger)
    listed = tuple(each.mail for each in recipients(mails).listed)
    selected = next(
        (each for each in listed if recipient and same_recipient(each.recipient, recipient)), listed[0]
    )
    return SentMail(
        id=mail_id,
        mails=listed,
        selected=selected,
        events=() if table is None else table.events(selected),
        message=simulator.message(deployment, selected.message_id) if selected.message_id else None,
    )


def ledger_of(deployment: Deployment, job_id: str) -> JobState | None:
    """Return what the ledger knows of a job; None if that is nothing, or may not be read."""
    try:
        return read_job(deployment, job_id)
    except CommandError:
        return None


def others(table: TimelineTable | None, mail: SentMail) -> tuple[TimelineMail, ...]:
    """Return the newest other mails to the selected recipient."""
    if table is None or mail.selected is None or mail.selected.recipient is None:
        return ()
    shown = {each.group for each in mail.mails}
    found = (each for each in table.by_recipient(mail.selected.recipient) if each.group not in shown)
    return tuple(found)[:OTHERS]


def suppression(deployment: Deployment, address: str) -> str:
    """Return in words whether an address is on the account's suppression list."""
    try:
        found = deployment.client("sesv2").get_suppressed_destination(EmailAddress=address)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code == "NotFoundException":
            return f"{address} is not on the account's suppression list"
        if "AccessDenied" in code:
            return "not known: these credentials need ses:GetSuppressedDestination"
        return f"not known: SES answers {code}"
    except BotoCoreError as error:
        return f"not known: {type(error).__name__}"
    listed = found["SuppressedDestination"]
    reason, day = listed["Reason"].lower(), listed["LastUpdateTime"]
    return f"on the account's suppression list since {day:%d %B %Y}, after a {reason}: SES sends it nothing"


def tracking(deployment: Deployment, message: Message | None) -> dict[str, Tracked]:
    """Return whether opens and clicks of a mail are counted."""
    if message is None:
        reason = "The mail itself is not here any more: the system was started again since."
        return {what: Tracked(is_on=False, reason=reason) for what in ("open", "click")}
    known = simulator.destinations(deployment, message.configuration_set)
    return {
        "open": tracked(
            "open",
            overrides=message.overrides,
            configuration_set=message.configuration_set,
            destinations=known,
        ),
        "click": tracked(
            "click",
            overrides=message.overrides,
            configuration_set=message.configuration_set,
            destinations=known,
        ),
    }


def answer(deployment: Deployment, message_id: str, recipient: str | None = None) -> drafts.Answer | None:
    """Return what a recipient of a sent mail would answer, for the form that receives a mail."""
    message = simulator.message(deployment, message_id)
    if message is None:
        return None
    author = recipient if recipient in message.recipients else message.recipients[0]
    return drafts.answer(mail_content.read(message.raw), recipient=author)


def known_of(mail: SentMail) -> dict[str, Any]:
    """Return what the events say of the mail beyond its recipients: sender, configuration set, metadata."""
    found: dict[str, Any] = {}
    for event in mail.events:
        detail = event.entry.get("detail") or {}
        sent = (detail.get("esp_event") or {}).get("mail") or {}
        tags = detail.get("message_tags") or {}
        found |= {
            name: value
            for name, value in (
                ("metadata", detail.get("metadata")),
                ("source", sent.get("source")),
                ("identity", str(sent.get("sourceArn") or "").rpartition(":")[2]),
                ("configuration_set", " ".join(tags.get("ses:configuration-set") or ())),
            )
            if value
        }
    return found

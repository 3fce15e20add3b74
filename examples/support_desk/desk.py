"""A consumer: answers each mail that opens a ticket with a send job, in the mail's thread, once.

Events are delivered at least once. The job's id is derived from the event's, and a job is sent once, so a
repeated event sends no second answer. An answer never causes another one: it is marked as automatic, which
this desk and others respect, and it is sent from `<desk>+<ticket>@…`, and mail to such an address is never
answered automatically. The label is in From, not in Reply-To, which some robots ignore. A robot that marks
nothing and always writes to the desk's plain address cannot be distinguished from a person.
"""

from __future__ import annotations

import functools
import os
import re
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aws_lambda_powertools import Logger

from mailbus import Client, SendJob
from mailbus.errors import InvalidEvent, InvalidJob
from mailbus.events import InboundEvent, InboundMessage, event_id, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus.events import AnyEvent

ANSWERED: Final = "answered"
REFUSED: Final = "refused"

# RFC 3834, section 5; Exchange uses the second one.
MACHINE: Final = {"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"}

TICKET_CHARACTERS: Final = 12
SUBJECT_CHARACTERS: Final = 500
QUOTED_LINES: Final = 100
LINE_CHARACTERS: Final = 500
# the first mail of a thread and the last ones, which mail programs use
REFERENCES: Final = 20

_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,250}>")
_REPLY: Final = re.compile(r"re\s*:", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+")


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that may be answered: `desk` is the address that it was sent to, `asker` gets the answer."""

    event: InboundEvent
    message: InboundMessage
    desk: str
    asker: str

    @property
    def number(self) -> str:
        """The id of the ticket; always the same for the same mail to the same recipients.

        A mail that matches two receipt rules is two events with the same id, each with its own recipients.
        """
        recipients = sorted(self.message.envelope_recipients)
        return event_id("ticket", self.event.event_id, *recipients)[:TICKET_CHARACTERS]


# The first condition that is true is the reason why a mail is not answered automatically.
_REASONS: Final[tuple[tuple[str, Callable[[Ticket], bool]], ...]] = (
    ("automatic", lambda ticket: ticket.message.automatic),
    ("spam", lambda ticket: ticket.event.spam_detected is True),
    ("virus", lambda ticket: ticket.event.virus_verdict == "FAIL"),
    # the answer would go to somebody who did not write; a domain without DMARC has the verdict GRAY
    ("forged", lambda ticket: ticket.event.dmarc_verdict == "FAIL"),
    ("follow-up", lambda ticket: bool(ticket.message.recipient_details)),
    ("nobody", lambda ticket: not ticket.desk or not _ADDRESS.fullmatch(ticket.asker)),
    ("itself", lambda ticket: _is_one_of(ticket.asker, ticket.message.envelope_recipients)),
)


def open_ticket(event: AnyEvent) -> Ticket | None:
    """Return the ticket of a received mail; None for other events, and for mail that could not be read."""
    match event:
        case InboundEvent(event_type="inbound", message=InboundMessage() as message):
            desk = next(iter(message.envelope_recipients), "")
            return Ticket(event=event, message=message, desk=desk, asker=_asker(message))
        case _:
            return None


def reason_not_to_answer(ticket: Ticket) -> str | None:
    """Return why a mail must not be answered, or None."""
    return next((reason for reason, holds in _REASONS if holds(ticket)), None)


def answer(ticket: Ticket) -> SendJob:
    """Return the answer: in the mail's thread, from the desk's address with the ticket as label."""
    local, _, domain = ticket.desk.rpartition("@")
    return SendJob(
        job_id=f"ticket-{ticket.number}",
        from_email=f"{local}+{ticket.number}@{domain}",
        to=(ticket.asker,),
        subject=subject_of_answer(ticket.message.subject),
        text=f"Thank you, we received your mail. It is ticket {ticket.number}.\n\n{quoted(ticket)}",
        headers={**threading(ticket.message), **MACHINE},
        tags=("support-desk",),
        metadata={"ticket": ticket.number},
    )


def threading(message: InboundMessage) -> dict[str, str]:
    """Return the headers that keep an answer in its thread (RFC 5322, 3.6.4); none if the mail has no id.

    The sender of the mail controls the ids, so only well-formed ones are used.
    """
    parent = _ids(message.message_id_header)
    if not parent:
        return {}
    thread = [found for each in message.references for found in _ids(each)]
    if not thread:
        before = _ids(message.in_reply_to)
        # of several ids, the direct parent is unknown
        thread = before if len(before) == 1 else []
    thread = [each for each in dict.fromkeys(thread) if each != parent[0]]
    if len(thread) > REFERENCES:
        thread = [thread[0], *thread[-REFERENCES + 1 :]]
    return {"In-Reply-To": parent[0], "References": " ".join((*thread, parent[0]))}


def subject_of_answer(subject: str | None) -> str:
    """Return the subject, with `Re: ` in front if it has none."""
    line = " ".join((subject or "").split())[:SUBJECT_CHARACTERS]
    return line if _REPLY.match(line) else f"Re: {line}".strip()


def quoted(ticket: Ticket) -> str:
    """Return the mail's text as a quote, below the usual line that introduces one."""
    message = ticket.message
    lines = (message.stripped_text or message.text or "").strip().splitlines()[:QUOTED_LINES]
    date = format_datetime(message.date or ticket.event.timestamp)
    introduction = f"On {date}, {ticket.asker} wrote:"
    return "\n".join([introduction, *(f"> {line[:LINE_CHARACTERS]}".rstrip() for line in lines)])


def _asker(message: InboundMessage) -> str:
    """Return the address of Reply-To if it has the same domain as From, otherwise that of From.

    DMARC only authenticates the domain of From: with any other Reply-To, anybody could make the desk write to
    anybody.
    """
    sender = next((each.address for each in message.from_email), "")
    reply_to = next((each.address for each in message.reply_to), "")
    is_authenticated = _ADDRESS.fullmatch(reply_to) is not None and _domain(reply_to) == _domain(sender)
    return reply_to if is_authenticated else sender


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _ids(value: str | None) -> list[str]:
    return _MESSAGE_ID.findall(value or "")


def _is_one_of(address: str, others: tuple[str, ...]) -> bool:
    return _mailbox(address) in {_mailbox(other) for other in others}


def _mailbox(address: str) -> str:
    """Return an address without its label and in lower case, as receipt rules compare addresses."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """The clients of the function."""

    client: Client
    log: Logger


@functools.cache
def wire() -> Wiring:
    """Read the environment and create the client, once per process."""
    return Wiring(client=Client(os.environ["SEND_QUEUE_URL"]), log=Logger())


def lambda_handler(event: dict[str, Any], _context: object) -> str:
    """Handle one event of the bus; Lambda retries failures, then sends the event to the dead-letter queue."""
    return consume(event, wire())


def consume(event: dict[str, Any], wiring: Wiring) -> str:
    """Parse the event and answer if appropriate; return and log the outcome, with the event's id only."""
    try:
        parsed = parse(event)
    except InvalidEvent as error:
        wiring.log.error("event is not valid", reason=str(error))  # noqa: TRY400 - the traceback says no more
        raise
    ticket = open_ticket(parsed)
    outcome = "no mail" if ticket is None else reason_not_to_answer(ticket) or _send(answer(ticket), wiring)
    wiring.log.info(outcome, event_id=parsed.event_id)
    return outcome


def _send(job: SendJob, wiring: Wiring) -> str:
    try:
        wiring.client.send(job)
    except InvalidJob as error:
        # the address in a received mail may be invalid, which no retry changes
        wiring.log.warning("cannot be answered", path=error.path, job_id=job.job_id)
        return REFUSED
    return ANSWERED

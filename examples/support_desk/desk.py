"""A consumer: answers each mail that starts a ticket by a send job, within the mail's own thread, once.

Events are delivered at least once. The job's id is made of the event's, and a job is sent once, so that a
repeated event answers nothing. An answer leads to no other one: it is marked as automatic, which this desk
and others go by, and comes from `<desk>+<ticket>@…`, where a mail is never answered by a machine. From, not
Reply-To, which some robots pass over. A robot that marks nothing and writes to the desk's plain address each
time cannot be told from a person.
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

    from mailbus.events import EmailEvent

ANSWERED: Final = "answered"
REFUSED: Final = "refused"

# RFC 3834, 5; the second is what Exchange goes by.
MACHINE: Final = {"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"}

TICKET_CHARACTERS: Final = 12
SUBJECT_CHARACTERS: Final = 500
QUOTED_LINES: Final = 100
LINE_CHARACTERS: Final = 500
# a thread's first mail and its last ones: what mailers go by
REFERENCES: Final = 20

_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,250}>")
_REPLY: Final = re.compile(r"re\s*:", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+")


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that may be answered: `desk` is the address that it came to, `asker` who gets the answer."""

    event: InboundEvent
    message: InboundMessage
    desk: str
    asker: str

    @property
    def number(self) -> str:
        """What tells this ticket from others; the same for the same mail to the same recipients.

        A mail that two receipt rules take is two events with one id, each with its own recipients.
        """
        recipients = sorted(self.message.envelope_recipients)
        return event_id("ticket", self.event.event_id, *recipients)[:TICKET_CHARACTERS]


# The first that is so tells why a mail is not answered by a machine.
_REASONS: Final[tuple[tuple[str, Callable[[Ticket], bool]], ...]] = (
    ("automatic", lambda ticket: ticket.message.automatic),
    ("spam", lambda ticket: ticket.event.spam_detected is True),
    ("virus", lambda ticket: ticket.event.virus_verdict == "FAIL"),
    # the answer would go to somebody who never wrote; of a domain without DMARC (GRAY) nobody can tell
    ("forged", lambda ticket: ticket.event.dmarc_verdict == "FAIL"),
    ("follow-up", lambda ticket: bool(ticket.message.recipient_details)),
    ("nobody", lambda ticket: not ticket.desk or not _ADDRESS.fullmatch(ticket.asker)),
    ("itself", lambda ticket: _is_one_of(ticket.asker, ticket.message.envelope_recipients)),
)


def open_ticket(event: EmailEvent | InboundEvent) -> Ticket | None:
    """Take a received mail for a ticket; None of what is none, and of mail that could not be read."""
    match event:
        case InboundEvent(event_type="inbound", message=InboundMessage() as message):
            desk = next(iter(message.envelope_recipients), "")
            return Ticket(event=event, message=message, desk=desk, asker=_asker(message))
        case _:
            return None


def why_not(ticket: Ticket) -> str | None:
    """Say why a mail is not to be answered, if so."""
    return next((reason for reason, is_so in _REASONS if is_so(ticket)), None)


def answer(ticket: Ticket) -> SendJob:
    """Write the answer in the mail's thread, from the address that was written to with the ticket's label."""
    local, _, domain = ticket.desk.rpartition("@")
    return SendJob(
        job_id=f"ticket-{ticket.number}",
        from_email=f"{local}+{ticket.number}@{domain}",
        to=(ticket.asker,),
        subject=subject_of_answer(ticket.message.subject),
        text=f"Thank you, we have got your mail. It is ticket {ticket.number}.\n\n{quoted(ticket)}",
        headers={**threading(ticket.message), **MACHINE},
        tags=("support-desk",),
        metadata={"ticket": ticket.number},
    )


def threading(message: InboundMessage) -> dict[str, str]:
    """Give the headers that keep an answer in its thread: RFC 5322, 3.6.4. None where the mail has no id.

    A stranger wrote the ids, so that only what is one is passed on.
    """
    parent = _ids(message.message_id_header)
    if not parent:
        return {}
    thread = [found for each in message.references for found in _ids(each)]
    if not thread:
        before = _ids(message.in_reply_to)
        # of several it is not known which is the one before
        thread = before if len(before) == 1 else []
    thread = [each for each in dict.fromkeys(thread) if each != parent[0]]
    if len(thread) > REFERENCES:
        thread = [thread[0], *thread[-REFERENCES + 1 :]]
    return {"In-Reply-To": parent[0], "References": " ".join((*thread, parent[0]))}


def subject_of_answer(subject: str | None) -> str:
    """Put `Re: ` before a subject that has none."""
    line = " ".join((subject or "").split())[:SUBJECT_CHARACTERS]
    return line if _REPLY.match(line) else f"Re: {line}".strip()


def quoted(ticket: Ticket) -> str:
    """Quote what was asked, below the line that mailers know a quote by."""
    message = ticket.message
    lines = (message.stripped_text or message.text or "").strip().splitlines()[:QUOTED_LINES]
    date = format_datetime(message.date or ticket.event.timestamp)
    introduction = f"On {date}, {ticket.asker} wrote:"
    return "\n".join([introduction, *(f"> {line[:LINE_CHARACTERS]}".rstrip() for line in lines)])


def _asker(message: InboundMessage) -> str:
    """Give who gets the answer: Reply-To's address where it is of the domain of From's, else From's.

    DMARC vouches for From's domain alone: by another Reply-To anybody could have the desk write to anybody.
    """
    sender = next((each.address for each in message.from_email), "")
    reply_to = next((each.address for each in message.reply_to), "")
    is_vouched_for = _ADDRESS.fullmatch(reply_to) is not None and _domain(reply_to) == _domain(sender)
    return reply_to if is_vouched_for else sender


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _ids(value: str | None) -> list[str]:
    return _MESSAGE_ID.findall(value or "")


def _is_one_of(address: str, others: tuple[str, ...]) -> bool:
    return _mailbox(address) in {_mailbox(other) for other in others}


def _mailbox(address: str) -> str:
    """Give what an address and its labelled ones share, as receipt rules compare them."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """What the function works with."""

    client: Client
    log: Logger


@functools.cache
def wire() -> Wiring:
    """Read the environment and make the client, once per process."""
    return Wiring(client=Client(os.environ["SEND_QUEUE_URL"]), log=Logger())


def lambda_handler(event: dict[str, Any], _context: object) -> str:
    """Take one event of the bus; what fails is tried again by Lambda, then kept in the dead-letter queue."""
    return consume(event, wire())


def consume(event: dict[str, Any], wiring: Wiring) -> str:
    """Parse, answer or not, and log by id alone; returns what was done, or why nothing was."""
    try:
        told = parse(event)
    except InvalidEvent as error:
        wiring.log.error("not read", reason=str(error))  # noqa: TRY400 - the traceback says no more
        raise
    ticket = open_ticket(told)
    outcome = "no mail" if ticket is None else why_not(ticket) or _send(answer(ticket), wiring)
    wiring.log.info(outcome, event_id=told.event_id)
    return outcome


def _send(job: SendJob, wiring: Wiring) -> str:
    try:
        wiring.client.send(job)
    except InvalidJob as error:
        # A stranger's address may be one that no mail can go to, however often it is tried.
        wiring.log.warning("cannot be answered", path=error.path, job_id=job.job_id)
        return REFUSED
    return ANSWERED

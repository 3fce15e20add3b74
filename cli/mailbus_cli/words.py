"""Events and statuses in plain words, with what to do: pure, for a terminal and for a page.

What is unknown here, such as a reason that SES adds later, gets a general sentence, never a wrong one. Text
from servers and mails is one line without control characters (`printable`).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.events import Bounce, Complaint, Delay, EmailEvent, InboundEvent, LaneEvent, error_codes
from mailbus.timeline.status import kind_of, status_of
from mailbus_cli.delivery_words import (
    BOUNCE_WORDS,
    COMPLAINT_LISTS,
    COMPLAINT_WORDS,
    DELAY_WORDS,
    NOT_TRIED,
    NOT_TRIED_TEXTS,
    REJECT_REASON_WORDS,
)
from mailbus_cli.error_words import error_words
from mailbus_cli.printable import printable
from mailbus_cli.server_words import Reason, reason_of
from mailbus_cli.status_words import CHIPS, STATUS_WORDS, AnyStatus, Chip, Tone, by_status, label_of, outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailbus.events import AnyEvent
    from mailbus.timeline.mails import Seen, TimelineMail

__all__ = [
    "CHIPS",
    "STATUS_WORDS",
    "AnyStatus",
    "Chip",
    "Explanation",
    "Tone",
    "by_status",
    "event_of",
    "explain",
    "label_of",
    "outcome",
    "outcome_of",
]

_NOTHING: Final = "Nothing to do."
# RFC 3464: the type of a diagnostic code, before the answer itself
_DIAGNOSTIC_TYPE: Final = "smtp;"


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """An event in plain words.

    `title` is a heading, `sentence` what happened, `advice` what to do, `server` the words of the server, of
    SES or of Mailbus, or the link of a click. `until` is how long SES still tries.
    """

    title: str
    sentence: str
    advice: str | None = None
    server: str | None = None
    tone: Tone = "grey"
    until: datetime | None = None


def explain(event: AnyEvent) -> Explanation:
    """Return an event in plain words, and what to do."""
    if isinstance(event, InboundEvent):
        return _inbound(event)
    if isinstance(event, LaneEvent):
        return _lane(event)
    explained = _BY_TYPE.get(event.event_type, _unknown)(event)
    server = explained.server or _server(event)
    return msgspec.structs.replace(
        explained,
        sentence=_named(explained.sentence, event.recipient),
        server=server,
        tone=_tone(event),
    )


def outcome_of(mail: TimelineMail, event: EmailEvent | None) -> Explanation:
    """Return what became of a mail for one recipient; `event` is the one that decided it, if it is known."""
    words, deciding = STATUS_WORDS[mail.status], mail.deciding
    if deciding is None:
        return Explanation(
            title=words.label.capitalize(), sentence=words.sentence, advice=words.advice, tone=words.tone
        )
    explained = explain(event or event_of(mail, deciding))
    if mail.status != "bounced_late":
        return msgspec.structs.replace(explained, tone=words.tone)
    return msgspec.structs.replace(
        explained,
        title="Bounced late",
        sentence=f"{_named('{server}', mail.recipient)} took the mail, and returned it later. "
        + explained.sentence,
        tone=words.tone,
    )


def event_of(mail: TimelineMail, seen: Seen) -> EmailEvent:
    """Return an event with what the timeline's list keeps of it, to be explained without reading it.

    Its words are a server's answer, or else what `description` has: the types of a bounce or a delay.
    """
    text = seen.text or ""
    bounce_type, _, sub_type = text.partition(": ")
    typed = bounce_type in _BOUNCE_TITLES and sub_type.isidentifier()
    answered = seen.event_type in {"bounced", "delivered", "deferred"} and not typed
    delayed = seen.event_type == "deferred" and text in DELAY_WORDS
    return EmailEvent(
        event_type=seen.event_type,  # type: ignore[arg-type]  # as the timeline read it
        event_id="",
        timestamp=seen.at,
        message_id=mail.message_id,
        job_id=mail.job_id,
        recipient=mail.recipient,
        description=None if answered else seen.text,
        mta_response=seen.text if answered and not delayed else None,
        bounce=Bounce(type=bounce_type, sub_type=sub_type) if typed else None,
        delay=Delay(type=text) if delayed else None,
        complaint=Complaint(feedback_type=seen.text) if seen.event_type == "complained" else None,
    )


def _tone(event: EmailEvent) -> Tone:
    kind = kind_of(event)
    if kind is None or kind == "mark" or event.error_code == error_codes.CANCELLED:
        return "grey"
    return STATUS_WORDS[status_of([kind])].tone


def _server(event: EmailEvent) -> str | None:
    text = event.mta_response or ""
    if text[: len(_DIAGNOSTIC_TYPE)].lower() == _DIAGNOSTIC_TYPE:
        text = text[len(_DIAGNOSTIC_TYPE) :]
    return printable(text) or None


def _named(sentence: str, recipient: str | None) -> str:
    """Put the recipient's domain into a sentence."""
    domain = printable((recipient or "").rpartition("@")[2]) if "@" in (recipient or "") else ""
    named = sentence.replace("{server}", domain or "the recipient's server")
    # a domain is written as it is, also at the beginning
    return named if domain else named[:1].upper() + named[1:]


def _queued(_: EmailEvent) -> Explanation:
    return Explanation(title="Accepted", sentence="SES accepted the mail.")


def _sent(_: EmailEvent) -> Explanation:
    return Explanation(title="On its way", sentence="SES has it and tries to deliver.")


def _delivered(_: EmailEvent) -> Explanation:
    return Explanation(
        title="Delivered",
        sentence="{server} took the mail.",
        advice="If the recipient does not find it: it may be in the spam folder.",
    )


def _deferred(event: EmailEvent) -> Explanation:
    delay_type, status = (event.delay.type, event.delay.status) if event.delay else (None, None)
    words = DELAY_WORDS.get(delay_type or "")
    reason = reason_of(event.mta_response, status)
    sentence = (words or reason or DELAY_WORDS["General"]).sentence
    advice = words.advice if words else DELAY_WORDS["General"].advice
    if reason is not None and (words is None or not words.is_specific):
        sentence = reason.sentence
    return Explanation(
        title="Not delivered yet",
        sentence=sentence,
        advice=advice,
        until=event.delay.expires_at if event.delay else None,
    )


def _bounced(event: EmailEvent) -> Explanation:
    bounce_type = (event.bounce and event.bounce.type) or ""
    sub_type = (event.bounce and event.bounce.sub_type) or ""
    title = _BOUNCE_TITLES.get(bounce_type, "Bounce")
    by_text = next((of for text, of in NOT_TRIED_TEXTS if text in (event.mta_response or "")), "")
    if not_tried := NOT_TRIED.get(sub_type or by_text):
        return Explanation(title="Not tried", sentence=not_tried.sentence, advice=not_tried.advice)
    reason: Reason | None = reason_of(event.mta_response, event.bounce.status if event.bounce else None)
    words = BOUNCE_WORDS.get((bounce_type, sub_type))
    if words is None or (reason is not None and not words.is_specific):
        general = words or REJECT_REASON_WORDS.get(
            event.reject_reason or "bounced", REJECT_REASON_WORDS["other"]
        )
        sentence, advice = (reason.sentence, reason.advice) if reason else (general.sentence, general.advice)
        return Explanation(title=title, sentence=sentence, advice=advice)
    return Explanation(title=title, sentence=words.sentence, advice=words.advice)


def _autoresponded(_: EmailEvent) -> Explanation:
    return Explanation(
        title="Automatic reply",
        sentence="The mail arrived, and an automatic reply came back.",
        advice="Nothing to do: it is no bounce.",
    )


def _complained(event: EmailEvent) -> Explanation:
    complaint = event.complaint
    words = COMPLAINT_LISTS.get((complaint and complaint.sub_type) or "") or COMPLAINT_WORDS.get(
        (complaint and complaint.feedback_type) or "", COMPLAINT_WORDS[""]
    )
    sentence = words.sentence
    if event.recipient_ambiguous:
        sentence += " It may have been another recipient at the same provider: SES does not say who."
    return Explanation(title=words.title, sentence=sentence, advice=words.advice)


def _opened(event: EmailEvent) -> Explanation:
    return _of_reader(event, "Opened", machine="A machine opened the mail.", person="The mail was opened.")


def _clicked(event: EmailEvent) -> Explanation:
    explained = _of_reader(
        event, "Clicked", machine="A machine followed a link.", person="A link in the mail was followed."
    )
    return msgspec.structs.replace(explained, server=printable(event.click_url or "") or None)


def _of_reader(event: EmailEvent, title: str, *, machine: str, person: str) -> Explanation:
    sentence = f"{machine} It does not count." if event.bot == "likely" else person
    if event.recipient_ambiguous:
        sentence += " It may have been another recipient of the mail: SES does not say who."
    return Explanation(title=title, sentence=sentence)


def _unsubscribed(event: EmailEvent) -> Explanation:
    return Explanation(
        title="Unsubscribed",
        sentence=f"The recipient left {_contact_list(event)}, or topics of it.",
        advice="Send nothing of that kind to this address.",
    )


def _subscribed(event: EmailEvent) -> Explanation:
    return Explanation(
        title="Subscribed",
        sentence=f"The recipient changed what to receive of {_contact_list(event)}.",
        advice=_NOTHING,
    )


def _contact_list(event: EmailEvent) -> str:
    name = printable((event.subscription and event.subscription.contact_list) or "")
    return f"the contact list {name}" if name else "a contact list"


def _failed(event: EmailEvent) -> Explanation:
    words = error_words(event.error_code)
    title = "Cancelled" if event.error_code == error_codes.CANCELLED else "Not sent"
    server = printable(event.description or "") or None
    return Explanation(title=title, sentence=words.sentence, advice=words.advice, server=server)


def _rejected(event: EmailEvent) -> Explanation:
    return msgspec.structs.replace(_failed(event), title="Refused by SES")


def _unknown(event: EmailEvent) -> Explanation:
    name = printable(event.description or "")
    of = f" of type {name}" if name else ""
    return Explanation(
        title="Unknown event",
        sentence=f"SES reported an event{of} that this version does not know.",
        advice="Its JSON has SES's own words.",
    )


def _inbound(event: InboundEvent) -> Explanation:
    if event.event_type == "inbound_failed":
        return Explanation(
            title="Received, not readable",
            sentence="A mail was received, and could not be read.",
            advice="The raw mail stays in the bucket: read it there.",
            server=printable(event.description or "") or None,
            tone="red",
        )
    sender = printable((event.message and event.message.envelope_sender) or "")
    return Explanation(
        title="Received", sentence=f"A mail from {sender} was received." if sender else "A mail was received."
    )


def _lane(event: LaneEvent) -> Explanation:
    if event.event_type == "lane_resumed":
        return Explanation(
            title="Lane resumed", sentence=f"The {event.lane} lane was resumed.", server=event.reason
        )
    return Explanation(
        title="Lane paused",
        sentence=f"The {event.lane} lane was paused by the {event.by}: its jobs wait, and nothing is lost.",
        advice=f"When the reason is fixed: `mailbus resume {event.lane}`.",
        server=printable(event.reason or "") or None,
        tone="amber",
    )


_BOUNCE_TITLES: Final[Mapping[str, str]] = {
    "Permanent": "Permanent bounce",
    "Transient": "Temporary bounce",
    "Undetermined": "Bounce without a reason",
}
_BY_TYPE: Final[Mapping[str, Callable[[EmailEvent], Explanation]]] = {
    "queued": _queued,
    "sent": _sent,
    "rejected": _rejected,
    "failed": _failed,
    "bounced": _bounced,
    "deferred": _deferred,
    "delivered": _delivered,
    "autoresponded": _autoresponded,
    "opened": _opened,
    "clicked": _clicked,
    "complained": _complained,
    "unsubscribed": _unsubscribed,
    "subscribed": _subscribed,
    "unknown": _unknown,
}

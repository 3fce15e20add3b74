"""Events that somebody makes on the laptop: the choices of a form, what each would do, and SES's requests.

The kinds are SES's own, with the answer that a recipient's server gives for such a mail:
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.timeline.status import TABLE, Kind, Status
from mailbus_cli.status_words import STATUS_WORDS, Tone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# RFC 3463, in a server's answer: `550 5.1.1 user unknown`
_ENHANCED_CODE: Final = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
_SIMULATOR: Final = "@simulator.amazonses.com"


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of an event, such as a full mailbox, with what the request says of it.

    `answer` is what the server says, unless somebody writes another answer. `means` is set if such an event
    means something else for the mail's status than others of its choice.
    """

    key: str
    label: str
    request: dict[str, Any]
    answer: str | None = None
    means: Kind | None = None
    suppresses: bool = False


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """An event to make; the first option is the usual one.

    `has_link` if it is of a link, `answered_in` is the field of the request that has the server's answer.
    """

    key: str
    label: str
    glyph: str
    event_type: str
    means: Kind
    options: tuple[Option, ...] = ()
    has_link: bool = False
    answered_in: str | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an event would do: `lead` and `rest` are the sentence around the status that the mail then has."""

    lead: str
    label: str
    rest: str
    tone: Tone


def _bounce(kind: str, answer: str | None, *, suppresses: bool = False) -> Option:
    """Return a bounce of a kind, such as `Permanent General`, with the answer of the recipient's server."""
    bounce_type, sub_type = kind.split()
    return Option(
        key=f"{bounce_type}-{sub_type}".lower(),
        label=f"{bounce_type}: {sub_type}",
        request={"bounce_type": bounce_type, "bounce_sub_type": sub_type},
        answer=answer,
        suppresses=suppresses,
    )


def _delay(kind: str, answer: str) -> Option:
    return Option(key=kind.lower(), label=kind, request={"delay_type": kind}, answer=answer)


def _complaint(feedback_type: str, means: Kind | None = None) -> Option:
    return Option(
        key=feedback_type,
        label=feedback_type,
        request={"feedback_type": feedback_type},
        means=means,
        suppresses=True,
    )


_PERSON: Final = Option(key="person", label="by a person", request={"is_bot_event": "Unlikely"})
_MACHINE: Final = Option(
    key="machine", label="by a machine", request={"is_bot_event": "Likely"}, means="mark"
)
_NOT_TRIED: Final = (
    "Amazon SES did not send the message to this address because it is on the suppression list"
)
CHOICES: Final = (
    Choice(
        key="open", label="Open", glyph="eye", event_type="Open", means="opened", options=(_PERSON, _MACHINE)
    ),
    Choice(
        key="click",
        label="Click",
        glyph="hand",
        event_type="Click",
        means="clicked",
        options=(_PERSON, _MACHINE),
        has_link=True,
    ),
    Choice(
        key="bounce",
        label="Bounce",
        glyph="return",
        event_type="Bounce",
        means="bounced",
        answered_in="diagnostic_code",
        options=(
            _bounce("Permanent General", "550 5.1.1 user unknown", suppresses=True),
            _bounce("Permanent NoEmail", "550 5.1.1 no such address", suppresses=True),
            _bounce("Permanent Suppressed", "Amazon SES has suppressed sending to this address"),
            _bounce("Permanent OnAccountSuppressionList", f"{_NOT_TRIED} for your account"),
            _bounce("Permanent OnTenantSuppressionList", f"{_NOT_TRIED} of the tenant"),
            _bounce("Permanent EmailValidationSuppressed", "Amazon SES takes the address for invalid"),
            _bounce("Permanent UnsubscribedRecipient", "The recipient has unsubscribed"),
            _bounce("Transient General", "451 4.3.0 try again later"),
            _bounce("Transient MailboxFull", "552 5.2.2 mailbox full"),
            _bounce("Transient MessageTooLarge", "552 5.3.4 message too big"),
            _bounce("Transient CustomTimeoutExceeded", "421 4.4.7 delivery time expired"),
            _bounce("Transient ContentRejected", "550 5.7.1 content rejected"),
            _bounce("Transient AttachmentRejected", "552 5.7.0 attachment not allowed"),
            _bounce("Undetermined Undetermined", "550 5.0.0 undetermined"),
            Option(
                key="reply",
                label="Transient: General, an automatic reply",
                request={"bounce_type": "Transient", "with_report": False},
                means="mark",
            ),
        ),
    ),
    Choice(
        key="complaint",
        label="Complaint",
        glyph="flag",
        event_type="Complaint",
        means="complained",
        options=(
            *(_complaint(kind) for kind in ("abuse", "auth-failure", "fraud", "other", "virus")),
            _complaint("not-spam", means="mark"),
            Option(
                key="listed",
                label="OnAccountSuppressionList",
                request={"feedback_type": None, "complaint_sub_type": "OnAccountSuppressionList"},
            ),
        ),
    ),
    Choice(
        key="delay",
        label="Delay",
        glyph="clock",
        event_type="DeliveryDelay",
        means="deferred",
        answered_in="diagnostic_code",
        options=(
            _delay("TransientCommunicationFailure", "421 4.4.1 cannot connect"),
            _delay("MailboxFull", "452 4.2.2 mailbox full"),
            _delay("SpamDetected", "421 4.7.0 looks like spam"),
            _delay("RecipientServerError", "451 4.3.0 server error"),
            _delay("IPFailure", "421 4.7.1 too many mails from this IP address"),
            _delay("InternalFailure", "451 4.3.5 internal failure of SES"),
            _delay("General", "451 4.0.0 try again later"),
            _delay("SendingDeferral", "421 4.7.28 deferred"),
            _delay("BYOIPHostNameLookupUnavailable", "450 4.7.25 no host name of the IP address"),
            _delay("Undetermined", "450 4.0.0 undetermined"),
        ),
    ),
    Choice(
        key="delivery",
        label="Delivery",
        glyph="tick",
        event_type="Delivery",
        means="delivered",
        answered_in="smtp_response",
        options=(Option(key="", label="accepted", request={}, answer="250 2.0.0 OK"),),
    ),
    Choice(
        key="subscription",
        label="Unsubscribe",
        glyph="ring",
        event_type="Subscription",
        means="mark",
        options=(
            Option(key="all", label="from everything", request={"unsubscribe_all": True}),
            Option(key="topic", label="from one topic", request={"unsubscribe_all": False}),
        ),
    ),
    Choice(key="reject", label="Reject", glyph="no", event_type="Reject", means="rejected"),
    Choice(
        key="rendering",
        label="Rendering failure",
        glyph="cross",
        event_type="Rendering Failure",
        means="failed",
    ),
)
_BY_KEY: Final = {choice.key: choice for choice in CHOICES}
#: SES says of these that it was a recipient's, not which one.
_OF_ANY_RECIPIENT: Final = frozenset(("Open", "Click"))


def request_of(form: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the request for the event that a form asks for; None if there is no such event.

    The form has `event`, such as `bounce`, and may have `kind-bounce`, `answer-bounce`, `recipient`, `link`.
    """
    choice = _BY_KEY.get(form.get("event", ""))
    if choice is None:
        return None
    request: dict[str, Any] = {"event_type": choice.event_type}
    option = next((o for o in choice.options if o.key == form.get(f"kind-{choice.key}")), None)
    option = option or next(iter(choice.options), None)
    if option is not None:
        request |= option.request
        answer = form.get(f"answer-{choice.key}", "").strip() or option.answer
        if answer and choice.answered_in and option.request.get("with_report", True):
            request |= _answered(choice.answered_in, answer)
    if form.get("recipient"):
        request["recipient"] = form["recipient"]
    if choice.has_link and form.get("link"):
        request["link"] = form["link"]
    return request


def _answered(field: str, answer: str) -> dict[str, str]:
    if field != "diagnostic_code":
        return {field: answer}
    code = _ENHANCED_CODE.search(answer)
    # SES's own words, such as those of a suppression, are of no server
    is_servers = answer[:3].isdigit()
    return {field: f"smtp; {answer}" if is_servers else answer, **({"status": code[0]} if code else {})}


def curl(url: str, message_id: str, request: Mapping[str, Any]) -> str:
    """Return the command that makes the same event; `url` is that of the control API."""
    return f"curl -d {shlex.quote(json.dumps(request))} {shlex.quote(f'{url}/events/{message_id}')}"


def outcomes(choice: Choice, status: Status, recipients: Sequence[str]) -> tuple[Outcome, ...]:
    """Return what each option would do to a mail of a status, in order; of a choice without options one.

    `recipients` are those of the whole message, the first of them the event's own.
    """
    return tuple(_outcome(choice, option, status, recipients) for option in choice.options or (None,))


def _outcome(choice: Choice, option: Option | None, status: Status, recipients: Sequence[str]) -> Outcome:
    words = STATUS_WORDS[status]
    means: Kind = (option and option.means) or choice.means
    is_of_any = choice.event_type in _OF_ANY_RECIPIENT and len(recipients) > 1
    if is_of_any:
        means = "mark"
    becomes = TABLE[status][means]
    # an address of the mailbox simulator is never suppressed
    suppressed = recipients[:1] if option and option.suppresses else ()
    listed = any(not each.lower().endswith(_SIMULATOR) for each in suppressed)
    after = " Its address goes on the suppression list: SES then sends it nothing." if listed else ""
    if becomes != status:
        known = "It is not known yet" if status == "none" else f"It is {words.label}"
        lead = f"{known}{' already' if becomes == 'bounced_late' else ''}: its status becomes "
        return Outcome(lead=lead, label=STATUS_WORDS[becomes].label, rest=f".{after}", tone=_tone(becomes))
    rest = ", which counts for more than this event."
    if means == "mark":
        rest = ": the event is noted on its timeline."
    if is_of_any:
        rest = ": SES does not say which recipient it was."
    return Outcome(lead="Its status stays ", label=words.label, rest=f"{rest}{after}", tone="grey")


def _tone(status: Status) -> Tone:
    """Return the tone of a preview: only what needs attention has one."""
    tone = STATUS_WORDS[status].tone
    return (
        tone if tone in {"red", "magenta"} else "amber" if status in {"deferred", "bounced_late"} else "grey"
    )

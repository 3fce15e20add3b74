"""Events that somebody makes on the laptop: the choices of a form, and the simulated SES's requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of an event, such as a full mailbox, with what the request says of it."""

    key: str
    label: str
    request: dict[str, Any]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """An event to make; the first option is the usual one. `has_link` if it is of a link."""

    key: str
    label: str
    glyph: str
    event_type: str
    options: tuple[Option, ...] = ()
    has_link: bool = False


def _bounce(key: str, label: str, kind: str, answer: str) -> Option:
    """Return a bounce of a kind, such as `Permanent General`, with the answer of the recipient's server."""
    bounce_type, sub_type = kind.split()
    return Option(
        key=key,
        label=label,
        request={
            "bounce_type": bounce_type,
            "bounce_sub_type": sub_type,
            "diagnostic_code": f"smtp; {answer}",
            "status": answer.split()[1],
        },
    )


_PERSON: Final = Option(key="person", label="by a person", request={"is_bot_event": "Unlikely"})
_MACHINE: Final = Option(key="machine", label="by a machine", request={"is_bot_event": "Likely"})
# https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
CHOICES: Final = (
    Choice(key="open", label="Open", glyph="eye", event_type="Open", options=(_PERSON, _MACHINE)),
    Choice(
        key="click",
        label="Click",
        glyph="hand",
        event_type="Click",
        options=(_PERSON, _MACHINE),
        has_link=True,
    ),
    Choice(
        key="bounce",
        label="Bounce",
        glyph="return",
        event_type="Bounce",
        options=(
            _bounce("unknown", "no such mailbox", "Permanent General", "550 5.1.1 user unknown"),
            _bounce("full", "mailbox full", "Transient MailboxFull", "552 5.2.2 mailbox full"),
            _bounce("content", "content refused", "Transient ContentRejected", "550 5.7.1 content rejected"),
            _bounce("large", "too large", "Transient MessageTooLarge", "552 5.3.4 message too big"),
            Option(
                key="undetermined",
                label="without a reason",
                request={"bounce_type": "Undetermined", "bounce_sub_type": "Undetermined"},
            ),
            Option(
                key="reply",
                label="an automatic reply",
                request={"bounce_type": "Transient", "with_report": False},
            ),
        ),
    ),
    Choice(
        key="complaint",
        label="Complaint",
        glyph="flag",
        event_type="Complaint",
        options=(
            Option(key="abuse", label="marked as spam", request={"feedback_type": "abuse"}),
            Option(key="not-spam", label="“not spam”", request={"feedback_type": "not-spam"}),
        ),
    ),
    Choice(
        key="delay",
        label="Delay",
        glyph="clock",
        event_type="DeliveryDelay",
        options=(
            Option(
                key="connection",
                label="no connection",
                request={"delay_type": "TransientCommunicationFailure"},
            ),
            Option(key="full", label="mailbox full", request={"delay_type": "MailboxFull"}),
            Option(key="spam", label="taken for spam", request={"delay_type": "SpamDetected"}),
        ),
    ),
    Choice(key="delivery", label="Delivery", glyph="tick", event_type="Delivery"),
    Choice(
        key="subscription",
        label="Unsubscribe",
        glyph="cross",
        event_type="Subscription",
        options=(
            Option(key="all", label="from everything", request={"unsubscribe_all": True}),
            Option(key="topic", label="from one topic", request={"unsubscribe_all": False}),
        ),
    ),
    Choice(key="reject", label="Reject", glyph="cross", event_type="Reject"),
    Choice(key="rendering", label="Rendering failure", glyph="cross", event_type="Rendering Failure"),
)
_BY_KEY: Final = {choice.key: choice for choice in CHOICES}


def request_of(form: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the request for the event that a form asks for; None if there is no such event.

    The form has `event`, such as `open` or `bounce.full`, and may have `recipient` and `link`.
    """
    key, _, wanted_option = form.get("event", "").partition(".")
    choice = _BY_KEY.get(key)
    if choice is None:
        return None
    wanted = [option for option in choice.options if option.key == wanted_option] or choice.options[:1]
    request: dict[str, Any] = {"event_type": choice.event_type}
    for option in wanted:
        request |= option.request
    if form.get("recipient"):
        request["recipient"] = form["recipient"]
    if choice.has_link and form.get("link"):
        request["link"] = form["link"]
    return request

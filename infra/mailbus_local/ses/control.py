"""The control API under `/_simulator/`, for tests and for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.ses_events import SES_EVENT_TYPES
from mailbus_local.ses.addresses import parse
from mailbus_local.ses.errors import InvalidControlRequest, unknown_value
from mailbus_local.ses.events.build import EventRequest, build_event
from mailbus_local.ses.events.publishing import notify, publish
from mailbus_local.ses.events.shapes import to_json_values
from mailbus_local.ses.state.account import Account, Limits
from mailbus_local.ses.state.identity_states import IdentityState

if TYPE_CHECKING:
    from mailbus_local.ses.events.shapes import Event
    from mailbus_local.ses.state.faults import PendingFault
    from mailbus_local.ses.state.identity_states import IdentityStates
    from mailbus_local.ses.state.messages import Message
    from mailbus_local.ses.state.simulator import SimulatorState

_EVENT_TYPES: Final = {
    "delay": "DeliveryDelay",
    **{event_type.lower().replace(" ", ""): event_type for event_type in SES_EVENT_TYPES},
}
_SETTABLE: Final = (*(field.name for field in msgspec.structs.fields(Limits)), "sent_last_24_hours")
# https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types
HARD_BOUNCES: Final = (("Permanent", "General"), ("Permanent", "NoEmail"))
_READ_ONLY: Final = ("accepted", "recipients", "throttled", "faulted", "unpublished")


class AccountState(msgspec.Struct, frozen=True, kw_only=True):
    """The account as the control API shows it."""

    max_send_rate: float
    max_24_hour_send: float
    sent_last_24_hours: int
    sending_enabled: bool
    production_access: bool
    latency_ms: float
    limit_bulk_calls: bool
    enforcement_status: str
    pricing_plan: str
    accepted: int
    recipients: int
    throttled: int
    faulted: int
    unpublished: int


class PublishedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A published event, its topics, and the topic of its feedback notification."""

    event: Any
    topics: tuple[str, ...]
    notification_topic: str | None


def account_state(state: SimulatorState) -> AccountState:
    """Return limits and counters."""
    account, limits, counters = state.account, state.account.limits, state.account.counters
    return AccountState(
        max_send_rate=limits.max_send_rate,
        max_24_hour_send=limits.max_24_hour_send,
        sent_last_24_hours=account.sent_last_24_hours(),
        sending_enabled=limits.sending_enabled,
        production_access=limits.production_access,
        latency_ms=limits.latency_ms,
        limit_bulk_calls=limits.limit_bulk_calls,
        enforcement_status=limits.enforcement_status,
        pricing_plan=limits.pricing_plan,
        accepted=counters.accepted,
        recipients=counters.recipients,
        throttled=counters.throttled,
        faulted=counters.faulted,
        unpublished=state.publisher.unfinished,
    )


def change_account(account: Account, body: bytes) -> None:
    """Set the fields of the body. Counters are ignored, so that the body of a GET can be PUT back."""
    given = _json_object(body)
    for name in given:
        if name not in _SETTABLE and name not in _READ_ONLY:
            raise InvalidControlRequest(unknown_value(name, _SETTABLE))
    sent = given.get("sent_last_24_hours")
    # SES's API has a double here, so 7.0 is valid too.
    if isinstance(sent, float) and sent.is_integer():
        sent = int(sent)
    if sent is not None and (isinstance(sent, bool) or not isinstance(sent, int) or sent < 0):
        reason = "sent_last_24_hours must be a number of recipients, 0 or more"
        raise InvalidControlRequest(reason)
    changes = {name: value for name, value in given.items() if name in msgspec.structs.asdict(account.limits)}
    try:
        limits = msgspec.convert({**msgspec.structs.asdict(account.limits), **changes}, Limits)
    except msgspec.ValidationError as error:
        raise InvalidControlRequest(str(error)) from error
    account.change(limits, sent)


def change_identity(states: IdentityStates, name: str, body: bytes) -> IdentityState:
    """Set the fields of the body, and return all."""
    given = _json_object(body)
    try:
        changed = msgspec.convert({**msgspec.structs.asdict(states.state(name)), **given}, IdentityState)
    except msgspec.ValidationError as error:
        raise InvalidControlRequest(str(error)) from error
    states.find(name, changed)
    return changed


def pending_faults(faults: tuple[PendingFault, ...]) -> dict[str, tuple[PendingFault, ...]]:
    """Return the faults that may still happen."""
    return {"faults": faults}


async def publish_event(state: SimulatorState, message_id: str, body: bytes) -> PublishedEvent:
    """Publish the event of the body for a sent message."""
    message = state.store.get(message_id)
    request = parse_event(body)
    event = build_event(message, state.origin, state.clock(), request)
    _suppress(state, message, event)
    topics: tuple[str, ...] = ()
    if message.configuration_set is not None:
        configuration_set = await state.resources.configuration_set(message.configuration_set)
        topics = publish(state, event, message, configuration_set)
    return PublishedEvent(
        event=to_json_values(event),
        topics=topics,
        notification_topic=notify(state, event, message),
    )


def _suppress(state: SimulatorState, message: Message, event: Event) -> None:
    """Put addresses that bounced for good, or complained, on the account's suppression list, as SES does."""
    hard, complaint = event.bounce, event.complaint
    if hard is not None and (hard.bounce_type, hard.bounce_sub_type) in HARD_BOUNCES:
        state.suppression_list.add_feedback(
            (parse(each.email_address) for each in hard.bounced_recipients),
            "BOUNCE",
            message_id=message.message_id,
            feedback_id=hard.feedback_id,
        )
    if complaint is not None and complaint.complaint_sub_type is None:
        state.suppression_list.add_feedback(
            (parse(each.email_address) for each in complaint.complained_recipients),
            "COMPLAINT",
            message_id=message.message_id,
            feedback_id=complaint.feedback_id,
        )


def parse_event(body: bytes) -> EventRequest:
    """Parse the body of `POST /_simulator/events/…`. Raise `InvalidControlRequest` if it is not valid.

    The event type may be spelled in any way (`Rendering Failure`, `rendering_failure`); the result has
    SES's own spelling.
    """
    given = _json_object(body)
    names = [field.name for field in msgspec.structs.fields(EventRequest)]
    for name in given:
        if name not in names:
            raise InvalidControlRequest(unknown_value(name, names))
    try:
        request = msgspec.convert(given, EventRequest)
    except msgspec.ValidationError as error:
        raise InvalidControlRequest(str(error)) from error
    event_type = _EVENT_TYPES.get(re.sub(r"[^a-z]", "", request.event_type.lower()))
    if event_type is None:
        reason = f"event_type {request.event_type!r} is unknown; known are {', '.join(SES_EVENT_TYPES)}"
        raise InvalidControlRequest(reason)
    return msgspec.structs.replace(request, event_type=event_type)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        given = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        reason = f"the body is not JSON: {error}"
        raise InvalidControlRequest(reason) from error
    if not isinstance(given, dict):
        reason = "the body is not a JSON object"
        raise InvalidControlRequest(reason)
    return given

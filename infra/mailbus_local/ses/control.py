"""The control side, under `/_simulator/`: for tests and for people, not for products."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.ses_events import SES_EVENT_TYPES
from mailbus_local.ses import events, faults, sending
from mailbus_local.ses.account import Limits
from mailbus_local.ses.refusals import InvalidControl

if TYPE_CHECKING:
    from mailbus_local.ses.account import Account
    from mailbus_local.ses.sending import World

_BY_SPELLING: Final = {
    "delay": "DeliveryDelay",
    **{kind.lower().replace(" ", ""): kind for kind in SES_EVENT_TYPES},
}
_SETTABLE: Final = (*(field.name for field in msgspec.structs.fields(Limits)), "sent_last_24_hours")
_READ_ONLY: Final = ("accepted", "throttled", "faulted")


class AccountState(msgspec.Struct, frozen=True, kw_only=True):
    """The account as the control side shows it."""

    max_send_rate: float
    max_24_hour_send: float
    sent_last_24_hours: int
    sending_enabled: bool
    production_access: bool
    latency_ms: float
    accepted: int
    throttled: int
    faulted: int


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """An event, the topics that it went to, and the one that it went to as a notification."""

    event: Any
    topics: tuple[str, ...]
    notification_topic: str | None


def account_state(account: Account) -> AccountState:
    """Show limits and counters."""
    limits, counters = account.limits, account.counters
    return AccountState(
        max_send_rate=limits.max_send_rate,
        max_24_hour_send=limits.max_24_hour_send,
        sent_last_24_hours=account.sent_last_24_hours(),
        sending_enabled=limits.sending_enabled,
        production_access=limits.production_access,
        latency_ms=limits.latency_ms,
        accepted=counters.accepted,
        throttled=counters.throttled,
        faulted=counters.faulted,
    )


def change_account(account: Account, body: bytes) -> None:
    """Set what the body names, leave the rest. Counters are ignored: what a GET answers can be PUT back."""
    given = _json_object(body)
    for name in given:
        if name not in _SETTABLE and name not in _READ_ONLY:
            raise InvalidControl(_unknown(name, _SETTABLE))
    sent = given.get("sent_last_24_hours")
    # a double in SES's API, so that a whole one is as good
    if isinstance(sent, float) and sent.is_integer():
        sent = int(sent)
    if sent is not None and (isinstance(sent, bool) or not isinstance(sent, int) or sent < 0):
        reason = "sent_last_24_hours: give a number of recipients, 0 or more"
        raise InvalidControl(reason)
    wanted = {name: value for name, value in given.items() if name in msgspec.structs.asdict(account.limits)}
    try:
        limits = msgspec.convert({**msgspec.structs.asdict(account.limits), **wanted}, Limits)
    except msgspec.ValidationError as error:
        raise InvalidControl(str(error)) from error
    account.change(limits, sent)


class SendQuota(msgspec.Struct, frozen=True, kw_only=True):
    """Part of `GetAccount`."""

    max_24_hour_send: float = msgspec.field(name="Max24HourSend")
    max_send_rate: float = msgspec.field(name="MaxSendRate")
    sent_last_24_hours: float = msgspec.field(name="SentLast24Hours")


class GetAccount(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The answer of `GetAccount`."""

    send_quota: SendQuota
    sending_enabled: bool
    production_access_enabled: bool
    dedicated_ip_auto_warmup_enabled: bool = False
    enforcement_status: str = "HEALTHY"
    suppression_attributes: dict[str, tuple[str, ...]] = msgspec.field(
        default_factory=lambda: {"SuppressedReasons": ("BOUNCE", "COMPLAINT")}
    )
    details: dict[str, Any] = msgspec.field(
        default_factory=lambda: {
            "MailType": "TRANSACTIONAL",
            "WebsiteURL": "https://www.example.com",
            "ContactLanguage": "EN",
            "UseCaseDescription": "",
            "AdditionalContactEmailAddresses": [],
            "ReviewDetails": {"Status": "GRANTED", "CaseId": "0000000000"},
        }
    )
    vdm_attributes: dict[str, Any] = msgspec.field(default_factory=lambda: {"VdmEnabled": "DISABLED"})
    pricing_attributes: dict[str, str] = msgspec.field(default_factory=lambda: {"CurrentPlan": "NONE"})


def get_account(account: Account) -> GetAccount:
    """Answer `GetAccount` (https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html)."""
    limits = account.limits
    return GetAccount(
        send_quota=SendQuota(
            max_24_hour_send=limits.max_24_hour_send,
            max_send_rate=limits.max_send_rate,
            sent_last_24_hours=float(account.sent_last_24_hours()),
        ),
        sending_enabled=limits.sending_enabled,
        production_access_enabled=limits.production_access,
    )


def waiting_faults(found: tuple[faults.Fault, ...]) -> dict[str, tuple[faults.Fault, ...]]:
    """Show the faults that may still happen."""
    return {"faults": found}


async def publish_event(world: World, message_id: str, body: bytes) -> Published:
    """Publish the event that the body asks for, about a message that was sent."""
    message = world.store.get(message_id)
    wanted = parse_event(body)
    event = events.make(message, world.origin, world.clock(), wanted)
    topics: tuple[str, ...] = ()
    if message.configuration_set is not None:
        found = await world.resources.configuration_set(message.configuration_set)
        topics = sending.publish(world, event, message, found)
    return Published(
        event=events.decoded(event),
        topics=topics,
        notification_topic=sending.notify(world, event, message),
    )


def parse_event(body: bytes) -> events.Wanted:
    """Read the body of `POST /_simulator/events/…`; an `InvalidControl` says what to fix.

    Whatever its spelling (`Rendering Failure`, `rendering_failure`), the event type becomes SES's own.
    """
    given = _json_object(body)
    names = [field.name for field in msgspec.structs.fields(events.Wanted)]
    for name in given:
        if name not in names:
            raise InvalidControl(_unknown(name, names))
    try:
        wanted = msgspec.convert(given, events.Wanted)
    except msgspec.ValidationError as error:
        raise InvalidControl(str(error)) from error
    kind = _BY_SPELLING.get(re.sub(r"[^a-z]", "", wanted.event_type.lower()))
    if kind is None:
        reason = f"event_type {wanted.event_type!r} is unknown; known are {', '.join(SES_EVENT_TYPES)}"
        raise InvalidControl(reason)
    return msgspec.structs.replace(wanted, event_type=kind)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        given = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        reason = f"the body is not JSON: {error}"
        raise InvalidControl(reason) from error
    if not isinstance(given, dict):
        reason = "the body is not a JSON object"
        raise InvalidControl(reason)
    return given


def _unknown(name: str, known: tuple[str, ...] | list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return f"{name!r} is unknown; {hint}"

"""The operations on an identity's feedback notifications, of SES's v1 API (Query protocol).

https://docs.aws.amazon.com/ses/latest/APIReference/API_Operations.html. Two checks
are not documented but observed: SES publishes to a new topic, and bounces and complaints always need a
destination. SES's limit of one such call a second is not simulated.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

import msgspec

from mailbus.ses_events import FEEDBACK_TYPES, FeedbackType
from mailbus_local.ses.errors import INVALID_PARAMETER, VALIDATION, SesError
from mailbus_local.ses.events.feedback_notifications import encode_notification, subscription_succeeded
from mailbus_local.ses.query_protocol import NAMESPACE, parse_form
from mailbus_local.ses.state.notification_settings import (
    IdentityNotifications,
    NotificationAttributes,
    NotificationSetting,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from mailbus_local.ses.state.resources import Resources


_IDENTITIES: Final = "Identities.member."
_BOOLEANS: Final = {"true": True, "false": False}
_BOOLEAN_TEXTS: Final = {value: word for word, value in _BOOLEANS.items()}


class IdentityCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call of the Query protocol with its parameters."""

    action: str
    form: dict[str, str]

    def required(self, name: str) -> str:
        """Return a parameter. Raise if it is missing."""
        value = self.form.get(name)
        if value:
            return value
        raise SesError(VALIDATION, f"{_invalid(name)}: Member must not be null")

    def one_of(self, name: str, values: Collection[str]) -> str:
        """Return a parameter. Raise if it is not one of these values."""
        value = self.required(name)
        if value in values:
            return value
        allowed = f"Member must satisfy enum value set: [{', '.join(values)}]"
        raise SesError(VALIDATION, f"{_invalid(name, value)}: {allowed}")

    @property
    def notification_type(self) -> FeedbackType:
        """The type of notification."""
        types: dict[str, FeedbackType] = {
            notification_type: notification_type for notification_type in FEEDBACK_TYPES
        }
        return types[self.one_of("NotificationType", types)]

    @property
    def identities(self) -> tuple[str, ...]:
        """The names of the listed identities."""
        return tuple(_name(value) for name, value in self.form.items() if name.startswith(_IDENTITIES))


def _invalid(name: str, value: str | None = None) -> str:
    what = "Value" if value is None else f"Value '{value}'"
    return (
        f"1 validation error detected: {what} at '{name[:1].lower()}{name[1:]}' failed to satisfy constraint"
    )


def parse_identity_call(body: bytes) -> IdentityCall | None:
    """Parse a call of these operations. Return None for any other request."""
    form = parse_form(body)
    action = form.get("Action", "")
    return IdentityCall(action=action, form=form) if action in _OPERATIONS else None


async def answer_identity_call(
    call: IdentityCall, notifications: IdentityNotifications, resources: Resources
) -> str:
    """Perform a call and return the XML of its response."""
    result = await _OPERATIONS[call.action](call, notifications, resources)
    return (
        f'<{call.action}Response xmlns="{NAMESPACE}"><{call.action}Result>{result}</{call.action}Result>'
        f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></{call.action}Response>"
    )


async def _get_attributes(
    call: IdentityCall, notifications: IdentityNotifications, resources: Resources
) -> str:
    known = await resources.identities()
    entries = "".join(
        f"<entry><key>{escape(name)}</key><value>{_attributes(notifications.get(name))}</value></entry>"
        for name in call.identities
        if name in known
    )
    return f"<NotificationAttributes>{entries}</NotificationAttributes>"


def _attributes(found: NotificationAttributes) -> str:
    settings = "".join(
        f"<{notification_type}Topic>{escape(setting.topic or '')}</{notification_type}Topic>"
        f"<HeadersIn{notification_type}NotificationsEnabled>{_BOOLEAN_TEXTS[setting.headers]}</HeadersIn{notification_type}NotificationsEnabled>"
        for notification_type, setting in found.settings.items()
    )
    return f"{settings}<ForwardingEnabled>{_BOOLEAN_TEXTS[found.forwarding]}</ForwardingEnabled>"


async def _set_topic(call: IdentityCall, notifications: IdentityNotifications, resources: Resources) -> str:
    identity, notification_type, topic = (
        await _identity(call, resources),
        call.notification_type,
        call.form.get("SnsTopic"),
    )
    before = notifications.get(identity)
    after = before.with_setting(
        notification_type, msgspec.structs.replace(before.settings[notification_type], topic=topic)
    )
    _require_feedback(identity, after)
    if topic is not None:
        await resources.publish_confirmation(
            topic, encode_notification(subscription_succeeded(topic, notification_type, identity))
        )
    notifications.put(identity, after)
    return ""


async def _set_headers(call: IdentityCall, notifications: IdentityNotifications, resources: Resources) -> str:
    identity, notification_type = await _identity(call, resources), call.notification_type
    enabled = _BOOLEANS[call.one_of("Enabled", _BOOLEANS)]
    before = notifications.get(identity)
    topic = before.settings[notification_type].topic
    if topic is None:
        raise SesError(
            INVALID_PARAMETER, f"No SNS topic is set for {notification_type} notifications of <{identity}>."
        )
    notifications.put(
        identity, before.with_setting(notification_type, NotificationSetting(topic=topic, headers=enabled))
    )
    return ""


async def _set_forwarding(
    call: IdentityCall, notifications: IdentityNotifications, resources: Resources
) -> str:
    identity = await _identity(call, resources)
    enabled = _BOOLEANS[call.one_of("ForwardingEnabled", _BOOLEANS)]
    after = msgspec.structs.replace(notifications.get(identity), forwarding=enabled)
    _require_feedback(identity, after)
    notifications.put(identity, after)
    return ""


def _require_feedback(identity: str, after: NotificationAttributes) -> None:
    if after.drops_feedback:
        raise SesError(
            INVALID_PARAMETER,
            f"Identity <{identity}> must have feedback forwarding enabled, or SNS topics for both bounces "
            "and complaints.",
        )


async def _identity(call: IdentityCall, resources: Resources) -> str:
    name = _name(call.required("Identity"))
    if name not in await resources.identities():
        raise SesError(INVALID_PARAMETER, f"Identity <{name}> does not exist.")
    return name


def _name(identity: str) -> str:
    """Return the name of an identity given by name or ARN."""
    return identity.rpartition(":identity/")[2]


_OPERATIONS: Final[dict[str, Callable[[IdentityCall, IdentityNotifications, Resources], Awaitable[str]]]] = {
    "GetIdentityNotificationAttributes": _get_attributes,
    "SetIdentityNotificationTopic": _set_topic,
    "SetIdentityHeadersInNotificationsEnabled": _set_headers,
    "SetIdentityFeedbackForwardingEnabled": _set_forwarding,
}

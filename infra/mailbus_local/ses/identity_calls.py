"""The calls on an identity's notifications: SES's first API, by the query protocol.

https://docs.aws.amazon.com/ses/latest/APIReference/API_Operations.html. What SES does not document, it
checks as others saw it do: the topic is tried, and neither bounces nor complaints may go to nobody.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import msgspec

from mailbus.ses_events import FEEDBACK_TYPES, FeedbackType
from mailbus_local.ses.notifications import Setting, encode, subscribed
from mailbus_local.ses.refusals import INVALID_PARAMETER, VALIDATION, Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from mailbus_local.ses.notifications import Attributes, IdentityNotifications
    from mailbus_local.ses.resources import Resources

_NAMESPACE: Final = "http://ses.amazonaws.com/doc/2010-12-01/"
_IDENTITIES: Final = "Identities.member."
_BOOLEANS: Final = {"true": True, "false": False}
_WORDS: Final = {value: word for word, value in _BOOLEANS.items()}


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call by the query protocol: its parameters by name."""

    action: str
    form: dict[str, str]

    def required(self, name: str) -> str:
        """Read a parameter; a `Refusal` where it is missing."""
        value = self.form.get(name)
        if value:
            return value
        raise Refusal(VALIDATION, f"{_invalid(name)}: Member must not be null")

    def chosen(self, name: str, words: Collection[str]) -> str:
        """Read a parameter that has to be one of some words."""
        value = self.required(name)
        if value in words:
            return value
        allowed = f"Member must satisfy enum value set: [{', '.join(words)}]"
        raise Refusal(VALIDATION, f"{_invalid(name, value)}: {allowed}")

    @property
    def kind(self) -> FeedbackType:
        """Which notifications are meant."""
        kinds: dict[str, FeedbackType] = {kind: kind for kind in FEEDBACK_TYPES}
        return kinds[self.chosen("NotificationType", kinds)]

    @property
    def identities(self) -> tuple[str, ...]:
        """The identities of a list, by name."""
        return tuple(_name(value) for name, value in self.form.items() if name.startswith(_IDENTITIES))


def _invalid(name: str, value: str | None = None) -> str:
    what = "Value" if value is None else f"Value '{value}'"
    return (
        f"1 validation error detected: {what} at '{name[:1].lower()}{name[1:]}' failed to satisfy constraint"
    )


def read(body: bytes) -> Call | None:
    """Read a call on an identity's notifications; None for any other request."""
    form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
    action = form.get("Action", "")
    return Call(action=action, form=form) if action in _CALLS else None


async def answer(call: Call, notifications: IdentityNotifications, resources: Resources) -> str:
    """Do what is asked; the answer is XML, as a `Refusal` is by `refused`."""
    result = await _CALLS[call.action](call, notifications, resources)
    return (
        f'<{call.action}Response xmlns="{_NAMESPACE}"><{call.action}Result>{result}</{call.action}Result>'
        f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></{call.action}Response>"
    )


def refused(refusal: Refusal) -> str:
    """Write a refusal as this protocol does."""
    return (
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type><Code>{refusal.code}</Code>'
        f"<Message>{escape(refusal.reason)}</Message></Error><RequestId>{uuid.uuid4()}</RequestId>"
        "</ErrorResponse>"
    )


async def _get_attributes(call: Call, notifications: IdentityNotifications, resources: Resources) -> str:
    known = await resources.identities()
    entries = "".join(
        f"<entry><key>{escape(name)}</key><value>{_attributes(notifications.get(name))}</value></entry>"
        for name in call.identities
        if name in known
    )
    return f"<NotificationAttributes>{entries}</NotificationAttributes>"


def _attributes(found: Attributes) -> str:
    settings = "".join(
        f"<{kind}Topic>{escape(setting.topic or '')}</{kind}Topic>"
        f"<HeadersIn{kind}NotificationsEnabled>{_WORDS[setting.headers]}</HeadersIn{kind}NotificationsEnabled>"
        for kind, setting in found.settings.items()
    )
    return f"{settings}<ForwardingEnabled>{_WORDS[found.forwarding]}</ForwardingEnabled>"


async def _set_topic(call: Call, notifications: IdentityNotifications, resources: Resources) -> str:
    identity, kind, topic = await _identity(call, resources), call.kind, call.form.get("SnsTopic")
    before = notifications.get(identity)
    after = before.changed(kind, msgspec.structs.replace(before.settings[kind], topic=topic))
    _refuse_silence(identity, after)
    if topic is not None:
        await resources.greet(topic, encode(subscribed(topic, kind, identity)))
    notifications.put(identity, after)
    return ""


async def _set_headers(call: Call, notifications: IdentityNotifications, resources: Resources) -> str:
    identity, kind = await _identity(call, resources), call.kind
    enabled = _BOOLEANS[call.chosen("Enabled", _BOOLEANS)]
    before = notifications.get(identity)
    topic = before.settings[kind].topic
    if topic is None:
        raise Refusal(INVALID_PARAMETER, f"No SNS topic is set for {kind} notifications of <{identity}>.")
    notifications.put(identity, before.changed(kind, Setting(topic=topic, headers=enabled)))
    return ""


async def _set_forwarding(call: Call, notifications: IdentityNotifications, resources: Resources) -> str:
    identity = await _identity(call, resources)
    enabled = _BOOLEANS[call.chosen("ForwardingEnabled", _BOOLEANS)]
    after = msgspec.structs.replace(notifications.get(identity), forwarding=enabled)
    _refuse_silence(identity, after)
    notifications.put(identity, after)
    return ""


def _refuse_silence(identity: str, after: Attributes) -> None:
    if after.silent:
        raise Refusal(
            INVALID_PARAMETER,
            f"Identity <{identity}> must have feedback forwarding enabled, or SNS topics for both bounces "
            "and complaints.",
        )


async def _identity(call: Call, resources: Resources) -> str:
    name = _name(call.required("Identity"))
    if name not in await resources.identities():
        raise Refusal(INVALID_PARAMETER, f"Identity <{name}> does not exist.")
    return name


def _name(identity: str) -> str:
    """Take the name out of an ARN."""
    return identity.rpartition(":identity/")[2]


_CALLS: Final[dict[str, Callable[[Call, IdentityNotifications, Resources], Awaitable[str]]]] = {
    "GetIdentityNotificationAttributes": _get_attributes,
    "SetIdentityNotificationTopic": _set_topic,
    "SetIdentityHeadersInNotificationsEnabled": _set_headers,
    "SetIdentityFeedbackForwardingEnabled": _set_forwarding,
}

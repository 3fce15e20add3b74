"""The mail that was accepted, in order."""

from __future__ import annotations

import secrets
import uuid
from typing import Final

import msgspec

from mailbus_local.ses.mime import Headers
from mailbus_local.ses.refusals import InvalidControl
from mailbus_local.ses.wire import ListManagement, Overrides, Tag

PAGE: Final = 100


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted message. `raw` is what SES sends on, `headers` what it was given (no Bcc).

    `feedback_address` is where bounces and complaints are sent to as mail.
    """

    message_id: str
    accepted_at: float
    source: str
    from_domain: str
    identity: str
    recipients: tuple[str, ...]
    operation: str
    configuration_set: str | None
    tags: tuple[Tag, ...]
    overrides: Overrides
    feedback_address: str | None
    list_management: ListManagement | None
    raw: bytes
    headers: Headers
    source_ip: str
    caller: str
    templated: bool


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the control side shows it; `accepted_at` is in epoch seconds."""

    message_id: str
    accepted_at: float
    from_: str = msgspec.field(name="from")
    recipients: tuple[str, ...]
    operation: str
    configuration_set: str | None
    tags: dict[str, str]
    overrides: Overrides
    feedback_address: str | None
    list_management: ListManagement | None
    raw: str


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of messages; `next` asks for the following one, null after the last."""

    messages: tuple[Listed, ...]
    next: str | None


class Store:
    """Messages by their order and by their id."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._by_id: dict[str, Message] = {}

    def add(self, message: Message) -> None:
        """Keep a message."""
        self._messages.append(message)
        self._by_id[message.message_id] = message

    def get(self, message_id: str) -> Message:
        """Find a message; an `InvalidControl` (404) where there is none."""
        message = self._by_id.get(message_id)
        if message is None:
            reason = f"no message {message_id!r} was accepted; GET /_simulator/messages lists those that were"
            raise InvalidControl(reason, 404)
        return message

    def page(self, token: str | None) -> Page:
        """Show a page, the first one without a token."""
        start = _position(token, len(self._messages))
        end = start + PAGE
        return Page(
            messages=tuple(_listed(message) for message in self._messages[start:end]),
            next=str(end) if end < len(self._messages) else None,
        )


def _position(token: str | None, size: int) -> int:
    if token is None:
        return 0
    if not token.isascii() or not token.isdigit() or int(token) > size:
        reason = f"next={token!r} is no token of a page; take it from the page before"
        raise InvalidControl(reason)
    return int(token)


def _listed(message: Message) -> Listed:
    return Listed(
        message_id=message.message_id,
        accepted_at=message.accepted_at,
        from_=message.source,
        recipients=message.recipients,
        operation=message.operation,
        configuration_set=message.configuration_set,
        tags={tag.name: tag.value for tag in message.tags},
        overrides=message.overrides,
        feedback_address=message.feedback_address,
        list_management=message.list_management,
        raw=message.raw.decode("utf-8", "replace"),
    )


def new_id(now: float) -> str:
    """Make a message id or feedback id like SES's: the time in milliseconds, then a UUID."""
    return f"0100{int(now * 1000):012x}-{uuid.uuid4()}-000000"


def new_inbound_id() -> str:
    """Make an id like those of received mail: 40 letters and digits."""
    alphabet = "abcdefghijklmnopqrstuv0123456789"
    return "".join(secrets.choice(alphabet) for _ in range(40))

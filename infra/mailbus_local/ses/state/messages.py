"""The accepted messages, in order."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.events import JOB_ID_TAG
from mailbus_local.ses.errors import InvalidControlRequest
from mailbus_local.ses.mime import Headers
from mailbus_local.ses.requests import ListManagement, Overrides, Tag
from mailbus_local.ses.state.subjects import Subject, Subjects, subject_of

if TYPE_CHECKING:
    from collections.abc import Collection

PAGE: Final = 100
#: Messages that a search by subject or job returns at most.
FOUND: Final = 500


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted message. `raw` is what SES sends, `headers` are those of the request without Bcc.

    `feedback_address` receives bounces and complaints by mail.
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


class MessageView(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the control API shows it; `accepted_at` is in epoch seconds."""

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


class MessageContent(msgspec.Struct, frozen=True, kw_only=True):
    """One message with its bytes as SES sends them, in Base64 as JSON."""

    message_id: str
    accepted_at: float
    from_: str = msgspec.field(name="from")
    recipients: tuple[str, ...]
    configuration_set: str | None
    overrides: Overrides
    tags: dict[str, str]
    content: bytes


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of messages; `next` is the token of the following page, null on the last."""

    messages: tuple[MessageView, ...]
    next: str | None


class MessageStore:
    """The accepted messages."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._by_id: dict[str, Message] = {}
        self._subjects: dict[str, Subject] = {}

    def add(self, message: Message) -> None:
        """Store a message."""
        self._messages.append(message)
        self._by_id[message.message_id] = message

    def get(self, message_id: str) -> Message:
        """Return a message. Raise `InvalidControlRequest` (404) if it does not exist."""
        message = self._by_id.get(message_id)
        if message is None:
            reason = f"message {message_id!r} does not exist; GET /_simulator/messages lists them"
            raise InvalidControlRequest(reason, 404)
        return message

    def content(self, message_id: str) -> MessageContent:
        """Return a message with its bytes. Raise as `get` does."""
        message = self.get(message_id)
        return MessageContent(
            message_id=message.message_id,
            accepted_at=message.accepted_at,
            from_=message.source,
            recipients=message.recipients,
            configuration_set=message.configuration_set,
            overrides=message.overrides,
            tags={tag.name: tag.value for tag in message.tags},
            content=message.raw,
        )

    def subjects(
        self, *, message_ids: Collection[str], job_ids: Collection[str], contains: str | None
    ) -> Subjects:
        """Return the subjects of these messages and jobs, and those with a text in them, in any case."""
        found = {each: self._subject(self._by_id[each]) for each in message_ids if each in self._by_id}
        if job_ids or contains:
            text = contains.casefold() if contains else None
            wanted = (
                one
                for one in map(self._subject, reversed(self._messages))
                if one.job_id in job_ids or (text is not None and text in one.subject.casefold())
            )
            found |= {one.message_id: one for one in islice(wanted, FOUND)}
        return Subjects(subjects=tuple(found.values()))

    def page(self, token: str | None) -> Page:
        """Return a page: the first one without a token."""
        start = _position(token, len(self._messages))
        end = start + PAGE
        return Page(
            messages=tuple(_view(message) for message in self._messages[start:end]),
            next=str(end) if end < len(self._messages) else None,
        )

    def _subject(self, message: Message) -> Subject:
        known = self._subjects.get(message.message_id)
        if known is None:
            known = self._subjects[message.message_id] = Subject(
                message_id=message.message_id,
                job_id=next((tag.value for tag in message.tags if tag.name == JOB_ID_TAG), None),
                recipients=message.recipients,
                subject=subject_of(message.raw),
            )
        return known


def _position(token: str | None, size: int) -> int:
    if token is None:
        return 0
    if not token.isascii() or not token.isdigit() or int(token) > size:
        reason = f"next={token!r} is not a page token; use the one of the previous page"
        raise InvalidControlRequest(reason)
    return int(token)


def _view(message: Message) -> MessageView:
    return MessageView(
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

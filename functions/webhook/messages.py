"""Parses the three types of message that SNS posts, and builds the text that SNS signs.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

from mailbus.errors import InvalidNotification

# The signed text has one value a line: a value with a line feed could be taken for two.
_Word = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,2048}\Z")]
_Timestamp = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z\Z")
]

REASON_CHARACTERS: Final = 200
# msgspec quotes a value that an enum does not have, and anybody may post anything.
_QUOTED_VALUE: Final = re.compile(r"Invalid (?:enum )?value .*(?= - at `)", re.DOTALL)


class Signed(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", tag_field="Type"):
    """The fields of all messages. `timestamp` is kept as sent, since it is signed; `signature` is base64."""

    message_id: _Word
    topic_arn: _Word
    message: str
    timestamp: _Timestamp
    signature_version: Literal["1", "2"]
    signature: str
    signing_cert_url: str = msgspec.field(name="SigningCertURL")


class Notification(Signed, frozen=True, kw_only=True, tag="Notification"):
    """A message that was published to the topic."""

    subject: str | None = None


class _Confirmation(Signed, frozen=True, kw_only=True):
    """`token` confirms the subscription, as opening `subscribe_url` does."""

    token: _Word
    subscribe_url: _Word = msgspec.field(name="SubscribeURL")


class SubscriptionConfirmation(_Confirmation, frozen=True, kw_only=True, tag="SubscriptionConfirmation"):
    """A request to confirm a subscription; SNS sends no notifications before that."""


class UnsubscribeConfirmation(_Confirmation, frozen=True, kw_only=True, tag="UnsubscribeConfirmation"):
    """The subscription was ended; the token restores it."""


Message = Notification | SubscriptionConfirmation | UnsubscribeConfirmation

_DECODER: Final[msgspec.json.Decoder[Message]] = msgspec.json.Decoder(Message)
_CONFIRMATION_FIELDS: Final = (
    ("Message", "message"),
    ("MessageId", "message_id"),
    ("SubscribeURL", "subscribe_url"),
    ("Timestamp", "timestamp"),
    ("Token", "token"),
    ("TopicArn", "topic_arn"),
)
# https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html
_SIGNED_FIELDS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "Notification": (
        ("Message", "message"),
        ("MessageId", "message_id"),
        ("Subject", "subject"),
        ("Timestamp", "timestamp"),
        ("TopicArn", "topic_arn"),
    ),
    "SubscriptionConfirmation": _CONFIRMATION_FIELDS,
    "UnsubscribeConfirmation": _CONFIRMATION_FIELDS,
}


def parse_message(body: str) -> Message:
    """Parse a message; anything that SNS does not post is an `InvalidNotification`."""
    try:
        message = _DECODER.decode(body)
        created_at(message)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError, ValueError) as error:
        text = _QUOTED_VALUE.sub("Invalid value", str(error))[:REASON_CHARACTERS]
        wrong = text if isinstance(error, msgspec.MsgspecError) else "unreadable"
        reason = f"not a message of SNS: {wrong}; subscribe the webhook to an SNS topic, raw delivery off"
        # Not "from error": the log would show the quoted value again.
        raise InvalidNotification(reason) from None
    return message


def type_of(message: Message) -> str:
    """Return SNS's name of a message's type."""
    return str(message.__struct_config__.tag)


def created_at(message: Message) -> datetime:
    """Return when SNS created a message, in UTC."""
    return datetime.fromisoformat(message.timestamp)


def text_to_sign(message: Message) -> bytes:
    """Return the text that SNS signs: each name and value on a line, the subject only if there is one."""
    kind = type_of(message)
    values = ((name, getattr(message, field)) for name, field in _SIGNED_FIELDS[kind])
    lines = [f"{name}\n{value}\n" for name, value in values if value is not None]
    return "".join([*lines, f"Type\n{kind}\n"]).encode()

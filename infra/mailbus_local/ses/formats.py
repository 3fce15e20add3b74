"""Identifiers, ARNs and timestamps as SES writes them."""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime

import msgspec


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The AWS region and account that events come from."""

    region: str
    account_id: str


def timestamp(moment: float) -> str:
    """Return epoch seconds in SES's format: UTC, milliseconds, `Z`."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def identity_arn(identity: str, origin: Origin) -> str:
    """Return the ARN of an identity."""
    return f"arn:aws:ses:{origin.region}:{origin.account_id}:identity/{identity}"


def new_message_id(now: float) -> str:
    """Return a new message id or feedback id in SES's format: milliseconds, then a UUID."""
    return f"0100{int(now * 1000):012x}-{uuid.uuid4()}-000000"


def new_inbound_id() -> str:
    """Return a new id in the format of received mail: 40 letters and digits."""
    alphabet = "abcdefghijklmnopqrstuv0123456789"
    return "".join(secrets.choice(alphabet) for _ in range(40))

"""What all messages of one call to send share."""

from __future__ import annotations

import msgspec

from mailbus_local.ses.requests import ListManagement, Overrides


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's access key and IP address."""

    identity: str
    source_ip: str


class SendCall(msgspec.Struct, frozen=True, kw_only=True):
    """The values that all messages of a call share; `actions` are those that the caller needs rights to."""

    operation: str
    actions: tuple[str, ...]
    caller: Caller
    overrides: Overrides
    template_name: str
    feedback_address: str | None = None
    list_management: ListManagement | None = None

"""The send job as an application writes it: one JSON object on the send queue.

`SendJob` is the contract's shape: names, types and nesting. Its JSON Schema is generated from here. What the
values have to be beyond their types, `mailbus.jobs` checks when it reads one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from mailbus.events import MetadataValue

JobId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
# RFC 3339 with its offset, or epoch seconds
Moment = Annotated[datetime, msgspec.Meta(tz=True)] | int | float
Addresses = str | tuple[str, ...]


class S3Object(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An object in S3, in a bucket that the deployment's settings name."""

    bucket: Annotated[str, msgspec.Meta(min_length=3, max_length=63)]
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    version_id: str | None = None


class Alternative(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Another form of the body, such as AMP or a calendar invitation."""

    content: str
    content_type: str


class Attachment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A file: its bytes in `content` (base64 in JSON), or in S3. A `content_id` makes it inline."""

    content: bytes | None = None
    s3: S3Object | None = None
    filename: str | None = None
    content_type: str | None = None
    content_id: str | None = None
    disposition: Literal["attachment", "inline"] | None = None


class SendJob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A mail to send, or with merge fields one for each recipient."""

    schema_version: int = 1
    job_id: JobId | None = None
    from_email: Addresses | None = None
    to: Addresses | None = None
    cc: Addresses | None = None
    bcc: Addresses | None = None
    reply_to: Addresses | None = None
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    alternatives: tuple[Alternative, ...] | None = None
    attachments: tuple[Attachment, ...] | None = None
    headers: dict[str, str] | None = None
    envelope_sender: str | None = None
    tags: tuple[str, ...] | None = None
    metadata: dict[str, MetadataValue] | None = None
    track_opens: bool | None = None
    track_clicks: bool | None = None
    send_at: Moment | None = None
    expires_at: Moment | None = None
    template_id: str | None = None
    merge_data: dict[str, dict[str, Any]] | None = None
    merge_metadata: dict[str, dict[str, MetadataValue]] | None = None
    merge_headers: dict[str, dict[str, str]] | None = None
    merge_global_data: dict[str, Any] | None = None
    esp_extra: dict[str, Any] | None = None
    content_ref: S3Object | None = None

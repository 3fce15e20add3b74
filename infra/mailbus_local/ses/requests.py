"""The request bodies of the simulated operations, with SES's own names.

Unknown fields are ignored, as SES does; a value of the wrong type is a `SerializationException`. Bytes are
base64 in JSON.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

from mailbus_local.ses.errors import SERIALIZATION, SesError

SuppressionReason = Literal["BOUNCE", "COMPLAINT"]
Switch = Literal["ENABLED", "DISABLED"]


class Destination(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The recipients, with or without display names."""

    to_addresses: tuple[str, ...] = ()
    cc_addresses: tuple[str, ...] = ()
    bcc_addresses: tuple[str, ...] = ()

    def all_addresses(self) -> tuple[str, ...]:
        """Return all addresses, in SES's order."""
        return self.to_addresses + self.cc_addresses + self.bcc_addresses


class Tag(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A message tag."""

    name: str
    value: str


class Header(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A header of a Simple or Template message."""

    name: str
    value: str


class Attachment(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A file of a Simple or Template message; `raw_content` is decoded."""

    raw_content: bytes
    file_name: str
    content_type: str | None = None
    content_id: str | None = None
    content_disposition: Literal["ATTACHMENT", "INLINE"] = "ATTACHMENT"
    content_description: str | None = None
    content_transfer_encoding: Literal["BASE64", "QUOTED_PRINTABLE", "SEVEN_BIT"] = "SEVEN_BIT"


class Content(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A text. JSON strings are Unicode, so `charset` is only a label."""

    data: str
    charset: str | None = None


class Body(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The text body, the HTML body, or both."""

    text: Content | None = None
    html: Content | None = None


class Simple(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A message that SES composes."""

    subject: Content
    body: Body
    headers: tuple[Header, ...] = ()
    attachments: tuple[Attachment, ...] = ()


class Raw(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A message that the client composed."""

    data: bytes


class TemplateContent(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The parts of a template, inline or as stored."""

    subject: str | None = None
    text: str | None = None
    html: str | None = None


class Template(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A template, by name, by ARN or inline, with its data as a JSON object in a string."""

    template_name: str | None = None
    template_arn: str | None = None
    template_content: TemplateContent | None = None
    template_data: str | None = None
    headers: tuple[Header, ...] = ()
    attachments: tuple[Attachment, ...] = ()


class EmailContent(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Exactly one of the three."""

    simple: Simple | None = None
    raw: Raw | None = None
    template: Template | None = None


class TrackingOverrides(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """Open and click tracking of one message."""

    open_tracking_enabled: Switch | None = None
    click_tracking_enabled: Switch | None = None


class Overrides(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """Settings of one message that override its configuration set."""

    tracking: TrackingOverrides | None = None


class ListManagement(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """The contact list of a message."""

    contact_list_name: str
    topic_name: str | None = None


class SendEmail(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The body of `SendEmail`."""

    content: EmailContent
    from_email_address: str | None = None
    from_email_address_identity_arn: str | None = None
    destination: Destination = Destination()
    reply_to_addresses: tuple[str, ...] = ()
    feedback_forwarding_email_address: str | None = None
    email_tags: tuple[Tag, ...] = ()
    configuration_set_name: str | None = None
    tenant_name: str | None = None
    list_management_options: ListManagement | None = None
    configuration_overrides: Overrides = Overrides()


class BulkContent(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The content that all entries share."""

    template: Template | None = None


class ReplacementTemplate(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """An entry's data, which overrides the default data."""

    replacement_template_data: str | None = None


class ReplacementContent(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """An entry's content."""

    replacement_template: ReplacementTemplate = ReplacementTemplate()


class BulkEntry(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """One message of a bulk call."""

    destination: Destination = Destination()
    replacement_tags: tuple[Tag, ...] = ()
    replacement_email_content: ReplacementContent = ReplacementContent()
    replacement_headers: tuple[Header, ...] = ()


class SendBulkEmail(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The body of `SendBulkEmail`."""

    default_content: BulkContent
    bulk_email_entries: tuple[BulkEntry, ...]
    from_email_address: str | None = None
    from_email_address_identity_arn: str | None = None
    reply_to_addresses: tuple[str, ...] = ()
    feedback_forwarding_email_address: str | None = None
    default_email_tags: tuple[Tag, ...] = ()
    configuration_set_name: str | None = None
    tenant_name: str | None = None
    configuration_overrides: Overrides = Overrides()


class BulkResult(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """The result of one entry; `status` is a `BulkEmailStatus` of SES's API."""

    status: str
    error: str | None = None
    message_id: str | None = None


class SendingAttributes(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The body of `PutAccountSendingAttributes`."""

    sending_enabled: bool = False


class SuppressedDestination(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The body of `PutSuppressedDestination`."""

    email_address: str
    reason: SuppressionReason


class AccountSuppression(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The body of `PutAccountSuppressionAttributes`."""

    suppressed_reasons: tuple[SuppressionReason, ...] = ()


class RenderTemplate(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The body of `TestRenderEmailTemplate`."""

    template_data: str


T = TypeVar("T")


def parse_request(body: bytes, kind: type[T]) -> T:
    """Return the body of a request. Raise SES's error if it is not of this kind."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise SesError(SERIALIZATION, str(error)) from error

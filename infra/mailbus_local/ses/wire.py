"""The bodies of the simulated operations, named as SES names them.

What SES ignores is ignored; what has the wrong type is SES's `SerializationException`. Bytes are
base64 on the wire.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

from mailbus_local.ses.refusals import SERIALIZATION, Refusal

Switch = Literal["ENABLED", "DISABLED"]


class Destination(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The recipients, with or without display names."""

    to_addresses: tuple[str, ...] = ()
    cc_addresses: tuple[str, ...] = ()
    bcc_addresses: tuple[str, ...] = ()

    def everybody(self) -> tuple[str, ...]:
        """All of them, in SES's order."""
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
    """A piece of text; JSON has made it unicode, so `charset` only labels it."""

    data: str
    charset: str | None = None


class Body(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The text and the HTML form, either or both."""

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
    """What one message does otherwise than its configuration set."""

    tracking: TrackingOverrides | None = None


class ListManagement(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """The contact list that a message is for."""

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
    """What all entries share."""

    template: Template | None = None


class ReplacementTemplate(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """An entry's data, instead of the default data."""

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
    """What became of one entry; `status` is a `BulkEmailStatus` of SES's model."""

    status: str
    error: str | None = None
    message_id: str | None = None


class SendingAttributes(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The body of `PutAccountSendingAttributes`."""

    sending_enabled: bool = False


_SEND = msgspec.json.Decoder(SendEmail)
_BULK = msgspec.json.Decoder(SendBulkEmail)
_ATTRIBUTES = msgspec.json.Decoder(SendingAttributes)


T = TypeVar("T")


def send_email(body: bytes) -> SendEmail:
    """Read the body of `SendEmail`."""
    return _read(_SEND, body)


def send_bulk_email(body: bytes) -> SendBulkEmail:
    """Read the body of `SendBulkEmail`."""
    return _read(_BULK, body)


def sending_attributes(body: bytes) -> SendingAttributes:
    """Read the body of `PutAccountSendingAttributes`."""
    return _read(_ATTRIBUTES, body)


def _read(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise Refusal(SERIALIZATION, str(error)) from error

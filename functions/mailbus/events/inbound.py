"""Events of received mail."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from mailbus.events.vocabulary import Event, StoredObject


class Mailbox(msgspec.Struct, frozen=True, kw_only=True):
    """One address of a header: `Name <address>`."""

    name: str
    address: str


class StoredPart(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment or inline part, decoded, in S3. `size` is in bytes, `sha256` in hex."""

    filename: str | None
    content_type: str
    charset: Annotated[
        str | None, Meta(description="The charset of a text, as its content type names it.")
    ] = None
    method: Annotated[
        str | None,
        Meta(description="The method of a calendar, such as REQUEST, as its content type names it."),
    ] = None
    size: int
    sha256: str
    content_id: str | None
    disposition: str | None
    s3: StoredObject


class RawMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The S3 object with the mail as it was received. `size` is in bytes."""

    bucket: str
    key: str
    size: int | None


class InboundMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A received mail, decoded.

    `recipient_details` has the part after `+` in the local part of envelope recipients. `stripped_text` is
    the text of an answer without what it quotes and without signature, and the whole text of another mail;
    null if that is not certain. `automatic` is true if a
    machine sent the mail, or if it asks machines not to answer.
    """

    envelope_sender: Annotated[str | None, Meta(description="The address that the sending server gave.")] = (
        None
    )
    envelope_recipients: Annotated[
        tuple[str, ...], Meta(description="The recipients in the SMTP envelope.")
    ] = ()
    recipients: Annotated[
        tuple[str, ...],
        Meta(description="All recipients that SES named, which it takes from the To and Cc headers."),
    ] = ()
    recipient_details: Annotated[
        dict[str, str],
        Meta(description="The part after + in the local part, by address, for addresses that have one."),
    ] = msgspec.field(default_factory=dict)
    from_email: tuple[Mailbox, ...] = ()
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    subject: str | None = None
    date: Annotated[datetime | None, Meta(description="The Date header.")] = None
    message_id_header: Annotated[str | None, Meta(description="The Message-ID header.")] = None
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    text: str | None = None
    stripped_text: Annotated[
        str | None,
        Meta(
            description=(
                "The text of an answer without what it quotes and without signature, "
                "of another mail the whole text; null if that is not certain."
            )
        ),
    ] = None
    html: str | None = None
    text_ref: Annotated[
        StoredObject | None,
        Meta(description="The S3 object with the text, if it is too large for the event."),
    ] = None
    html_ref: Annotated[
        StoredObject | None,
        Meta(description="The S3 object with the HTML body, if it is too large for the event."),
    ] = None
    headers: Annotated[
        tuple[tuple[str, str], ...], Meta(description="All headers as [name, value], in order, decoded.")
    ] = ()
    attachments: tuple[StoredPart, ...] = ()
    inlines: tuple[StoredPart, ...] = ()
    auto_submitted: Annotated[str | None, Meta(description="The Auto-Submitted header.")] = None
    automatic: Annotated[
        bool,
        Meta(description="True if it has any sign of an automatic mail: do not answer it automatically."),
    ] = False
    defects: Annotated[tuple[str, ...], Meta(description="What is malformed in the mail.")] = ()


class InboundEvent(Event, frozen=True, kw_only=True):
    """A received mail; `inbound_failed` with a `description` if it could not be read."""

    event_type: Annotated[Literal["inbound", "inbound_failed"], Meta(description="What happened.")]
    description: Annotated[str | None, Meta(description="What happened, or what to fix, in words.")] = None
    message: Annotated[InboundMessage | None, Meta(description="The mail, decoded.")] = None
    spam_detected: Annotated[
        bool | None,
        Meta(description="SES's spam verdict; null if SES could not decide, or did not scan the mail."),
    ] = None
    spam_verdict: str | None = None
    virus_verdict: str | None = None
    spf_verdict: str | None = None
    dkim_verdict: str | None = None
    dmarc_verdict: str | None = None
    dmarc_policy: str | None = None
    raw: RawMessage | None = None

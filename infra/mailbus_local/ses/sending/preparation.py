"""Validates a request and composes its message."""

from __future__ import annotations

from typing import Final

import msgspec

from mailbus_local.ses import mime
from mailbus_local.ses.addresses import Address, mailboxes, parse
from mailbus_local.ses.errors import BAD_REQUEST, SesError
from mailbus_local.ses.requests import Content, Destination, SendEmail, Simple, Tag, Template, TemplateContent
from mailbus_local.ses.sending.template_rendering import RenderingError, parse_data, render
from mailbus_local.ses.sending.validation import (
    check_attachments,
    check_content,
    check_headers,
    check_lines,
    check_size,
    check_tags,
    check_unique,
    recipients_of,
)

MAX_TEMPLATE_DATA: Final = 262_144


class PreparedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A valid message. Each of `senders` needs a verified identity; `failure` is the rendering error."""

    source: str
    senders: tuple[Address, ...]
    recipients: tuple[Address, ...]
    raw: bytes
    headers: mime.Headers
    virus: bool = False
    configuration_set: str | None = None
    tags: tuple[Tag, ...] = ()
    templated: bool = False
    failure: str | None = None

    @property
    def sender(self) -> Address:
        """The From address."""
        return self.senders[0]


def prepare_message(request: SendEmail, template: TemplateContent | None) -> PreparedMessage:
    """Validate a request and compose its message. `template` is its template's content."""
    content = request.content
    if sum(kind is not None for kind in (content.simple, content.raw, content.template)) != 1:
        raise SesError(BAD_REQUEST, "Content must have exactly one of Simple, Raw and Template.")
    tags = check_tags(request.email_tags)
    return_path = request.feedback_forwarding_email_address
    return_path_senders = (parse(return_path),) if return_path else ()
    if content.raw is not None:
        message = _prepare_raw(content.raw.data, request.from_email_address, request.destination)
    elif content.simple is not None:
        message = _prepare_simple(content.simple, request)
    elif content.template is not None and template is not None:
        inputs = TemplateMessage(
            sender=request.from_email_address,
            destination=request.destination,
            reply_to=request.reply_to_addresses,
            template=content.template,
            content=template,
            data=content.template.template_data,
            headers=check_headers(content.template.headers),
        )
        message = prepare_template_message(inputs)
    else:
        raise SesError(
            BAD_REQUEST, "Template must have one of TemplateName, TemplateArn and TemplateContent."
        )
    return msgspec.structs.replace(
        message,
        senders=message.senders + return_path_senders,
        tags=tags or message.tags,
        configuration_set=request.configuration_set_name or message.configuration_set,
    )


def _prepare_raw(raw: bytes, sender: str | None, destination: Destination) -> PreparedMessage:
    check_size(raw)
    block, _ = mime.split(raw)
    headers = mime.read_headers(block)
    check_unique(headers)
    if headers.first("From") is None:
        if not sender:
            raise SesError(BAD_REQUEST, "Missing required header 'From'.")
        raw = f"From: {sender}\r\n".encode() + raw
        headers = mime.Headers(lines=(mime.Header(name="From", value=sender), *headers.lines))
    check_lines(raw)
    source = sender or headers.all("From")[0]
    authors = addresses_of(headers, "From")
    if not authors:
        raise SesError(BAD_REQUEST, "Missing final '@domain'")
    header_senders = (*authors, *addresses_of(headers, "Sender"), *addresses_of(headers, "Return-Path"))
    envelope = destination.all_addresses() or tuple(
        box.email for name in ("To", "Cc", "Bcc") for box in addresses_of(headers, name)
    )
    if not envelope:
        raise SesError(BAD_REQUEST, "Missing required header 'To'.")
    findings = check_content(raw)
    return PreparedMessage(
        source=source,
        senders=((parse(sender),) if sender else ()) + header_senders,
        recipients=recipients_of(envelope),
        raw=raw,
        headers=headers.without("bcc"),
        virus=findings.virus,
        configuration_set=headers.first("X-SES-CONFIGURATION-SET"),
        tags=_header_tags(headers),
    )


def addresses_of(headers: mime.Headers, name: str) -> tuple[Address, ...]:
    """Return the valid addresses of all headers with this name."""
    boxes = [box for value in headers.all(name) for box in mailboxes(value)]
    return tuple(msgspec.structs.replace(parse(box.email), name=box.name) for box in boxes)


def _header_tags(headers: mime.Headers) -> tuple[Tag, ...]:
    pairs = (
        pair.partition("=")
        for value in headers.all("X-SES-MESSAGE-TAGS")
        for pair in value.split(",")
        if pair.strip()
    )
    return check_tags(Tag(name=name.strip(), value=value.strip()) for name, _, value in pairs)


def _prepare_simple(simple: Simple, request: SendEmail) -> PreparedMessage:
    return _compose(
        mime.MessageFields(
            sender=_require_sender(request.from_email_address),
            subject=simple.subject.data,
            text=simple.body.text,
            html=simple.body.html,
            to=request.destination.to_addresses,
            cc=request.destination.cc_addresses,
            reply_to=request.reply_to_addresses,
            headers=check_headers(simple.headers),
            attachments=check_attachments(simple.attachments),
        ),
        request.destination,
    )


class TemplateMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The inputs of a template message; `data` is JSON."""

    sender: str | None
    destination: Destination
    reply_to: tuple[str, ...]
    template: Template
    content: TemplateContent
    data: str | None
    headers: tuple[mime.Header, ...]


def prepare_template_message(inputs: TemplateMessage) -> PreparedMessage:
    """Render and compose a template message. If it cannot be rendered, `failure` has the reason."""
    rendered = render_template(inputs.content, inputs.data)
    message = _compose(
        mime.MessageFields(
            sender=_require_sender(inputs.sender),
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            to=inputs.destination.to_addresses,
            cc=inputs.destination.cc_addresses,
            reply_to=inputs.reply_to,
            headers=inputs.headers,
            attachments=check_attachments(inputs.template.attachments),
        ),
        inputs.destination,
    )
    return msgspec.structs.replace(message, templated=True, failure=rendered.failure)


class RenderedTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A template with its data. If it cannot be rendered, it is empty, and `failure` has the reason."""

    subject: str = ""
    text: Content | None = None
    html: Content | None = None
    failure: str | None = None


def render_template(content: TemplateContent, data: str | None) -> RenderedTemplate:
    """Render a template with JSON data. Raise if the data are too long, or not an object."""
    data = data or "{}"
    if len(data) > MAX_TEMPLATE_DATA:
        raise SesError(BAD_REQUEST, f"TemplateData is longer than {MAX_TEMPLATE_DATA} characters.")
    try:
        values = parse_data(data)
    except ValueError as error:
        raise SesError(BAD_REQUEST, "TemplateData is not a JSON object.") from error
    try:
        subject, text, html = (
            "" if text is None else render(text, values)
            for text in (content.subject, content.text, content.html)
        )
    except RenderingError as error:
        return RenderedTemplate(failure=str(error))
    return RenderedTemplate(
        subject=subject,
        text=Content(data=text) if text else None,
        html=Content(data=html) if html else None,
    )


def _require_sender(sender: str | None) -> str:
    if not sender:
        raise SesError(BAD_REQUEST, "Missing required header 'From'.")
    return sender


def _compose(message: mime.MessageFields, destination: Destination) -> PreparedMessage:
    sender = parse(message.sender)
    recipients = recipients_of(destination.all_addresses())
    for address in message.reply_to:
        parse(address)
    raw = mime.compose(message)
    check_size(raw)
    findings = check_content(raw)
    return PreparedMessage(
        source=message.sender,
        senders=(sender,),
        recipients=recipients,
        raw=raw,
        headers=mime.read_headers(mime.split(raw)[0]),
        virus=findings.virus,
    )


def with_tenant(message: PreparedMessage, tenant: str) -> PreparedMessage:
    """Return the message with the tag of its tenant."""
    tag = Tag(name="ses:tenant-name", value=tenant)
    return msgspec.structs.replace(message, tags=(*message.tags, tag))

"""From a request to a message that may be sent: SES's checks that need nobody else.

Limits and rules: https://docs.aws.amazon.com/ses/latest/dg/quotas.html,
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageHeader.html,
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_local.ses import mime, templates
from mailbus_local.ses.addresses import Address, mailboxes, parse
from mailbus_local.ses.refusals import BAD_REQUEST, MESSAGE_REJECTED, Refusal
from mailbus_local.ses.scanning import MAX_PARTS, Findings, scan
from mailbus_local.ses.wire import Content, Destination, Header, Tag, Template, TemplateContent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailbus_local.ses.wire import Attachment, SendEmail, Simple

MAX_RECIPIENTS: Final = 50
MAX_MESSAGE_BYTES: Final = 40 * 1024 * 1024
MAX_LINE_BYTES: Final = 1000
MAX_HEADERS: Final = 15
MAX_HEADER_BYTES: Final = 996
MAX_TEMPLATE_DATA: Final = 262_144
MAX_INLINE_TEMPLATE_BYTES: Final = 1024 * 1024

_TAG_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,256}|ses:feedback-id-[ab]")
_TAG_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_HEADER_NAME: Final = re.compile(r"[!-9;-@A-~]{1,126}")
_HEADER_VALUE: Final = re.compile(r"[ -~]{1,995}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_MEDIA_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+(\s*;.*)?", re.ASCII)
_LONG_LINE: Final = re.compile(rb"[^\n]{%d,}" % (MAX_LINE_BYTES + 1))
_FORBIDDEN: Final = frozenset(
    (
        "bcc",
        "cc",
        "content-disposition",
        "content-type",
        "date",
        "from",
        "message-id",
        "mime-version",
        "reply-to",
        "return-path",
        "subject",
        "to",
    )
)
# https://docs.aws.amazon.com/ses/latest/dg/header-fields.html
_ONCE: Final = frozenset(
    name.lower()
    for name in [
        "Accept-Language",
        "acceptLanguage",
        "Archived-At",
        "Auto-Submitted",
        "Bounces-to",
        "Comments",
        "Content-Alternative",
        "Content-Base",
        "Content-Class",
        "Content-Description",
        "Content-Disposition",
        "Content-Duration",
        "Content-ID",
        "Content-Language",
        "Content-Length",
        "Content-Location",
        "Content-MD5",
        "Content-Transfer-Encoding",
        "Content-Type",
        "Date",
        "Delivered-To",
        "Disposition-Notification-Options",
        "Disposition-Notification-To",
        "DKIM-Signature",
        "DomainKey-Signature",
        "Errors-To",
        "From",
        "Importance",
        "In-Reply-To",
        "Keywords",
        "List-Archive",
        "List-Help",
        "List-Id",
        "List-Owner",
        "List-Post",
        "List-Subscribe",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "Message-Context",
        "Message-ID",
        "MIME-Version",
        "Organization",
        "Original-From",
        "Original-Message-ID",
        "Original-Recipient",
        "Original-Subject",
        "Precedence",
        "Priority",
        "References",
        "Reply-To",
        "Return-Path",
        "Return-Receipt-To",
        "Sender",
        "Solicitation",
        "Sensitivity",
        "Subject",
        "Thread-Index",
        "Thread-Topic",
        "User-Agent",
        "VBR-Info",
    ]
)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A message that passed. `senders` need a verified identity; `failure` is why it cannot be rendered."""

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


def check_tags(tags: Iterable[Tag]) -> tuple[Tag, ...]:
    """Refuse names and values that SES does not take."""
    checked = tuple(tags)
    for tag in checked:
        if not _TAG_NAME.fullmatch(tag.name):
            raise Refusal(BAD_REQUEST, f"Invalid tag name <{tag.name}>: {_ALPHANUMERIC}")
        if not _TAG_VALUE.fullmatch(tag.value):
            raise Refusal(BAD_REQUEST, f"Invalid tag value <{tag.value}>: {_ALPHANUMERIC}")
    return checked


_ALPHANUMERIC: Final = "only alphanumeric ASCII characters, '_', and '-' are allowed, 1 to 256 of them."


def check_headers(headers: Sequence[Header]) -> tuple[mime.Header, ...]:
    """Refuse custom headers that SES writes itself or does not take."""
    if len(headers) > MAX_HEADERS:
        raise Refusal(
            BAD_REQUEST,
            "1 validation error detected: Value at 'headers' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_HEADERS}",
        )
    for header in headers:
        if header.name.lower() in _FORBIDDEN:
            raise Refusal(BAD_REQUEST, f"Header <{header.name}> is not allowed as a custom header.")
        if not _HEADER_NAME.fullmatch(header.name):
            raise Refusal(BAD_REQUEST, f"Invalid header name <{header.name}>.")
        if not _HEADER_VALUE.fullmatch(header.value):
            raise Refusal(BAD_REQUEST, f"Invalid value of header <{header.name}>.")
        if len(header.name) + len(header.value) > MAX_HEADER_BYTES:
            raise Refusal(
                BAD_REQUEST, f"Header <{header.name}> is longer than {MAX_HEADER_BYTES} characters."
            )
    return tuple(mime.Header(name=header.name, value=header.value) for header in headers)


def check_attachments(files: Iterable[Attachment]) -> tuple[Attachment, ...]:
    """Refuse names and types that SES does not take.

    https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Attachment.html
    """
    checked = tuple(files)
    for file in checked:
        limited = (
            ("FileName", file.file_name, 255),
            ("ContentType", file.content_type, 78),
            ("ContentId", file.content_id, 78),
            ("ContentDescription", file.content_description, 1000),
        )
        for name, value, limit in limited:
            if value is not None and (len(value) > limit or not value or _CONTROL.search(value)):
                raise Refusal(
                    BAD_REQUEST, f"Attachment {name} must have 1 to {limit} characters, none of them control."
                )
        if file.content_type is not None and not _MEDIA_TYPE.fullmatch(file.content_type):
            raise Refusal(BAD_REQUEST, "Attachment ContentType must be a media type, such as text/plain.")
    return checked


def recipients_of(texts: Iterable[str]) -> tuple[Address, ...]:
    """Read the envelope's recipients; the same address twice is one of them, case before the `@` counts."""
    addresses = {(address := parse(text)).key: address for text in texts}
    if not addresses:
        raise Refusal(BAD_REQUEST, "There are no recipients specified.")
    if len(addresses) > MAX_RECIPIENTS:
        raise Refusal(BAD_REQUEST, f"Recipient count exceeds {MAX_RECIPIENTS}.")
    return tuple(addresses.values())


def from_request(request: SendEmail, template: TemplateContent | None) -> Draft:
    """Check a request and compose its message. `template` is the content of a template message."""
    content = request.content
    if sum(part is not None for part in (content.simple, content.raw, content.template)) != 1:
        raise Refusal(BAD_REQUEST, "Content must have exactly one of Simple, Raw and Template.")
    tags = check_tags(request.email_tags)
    return_path = request.feedback_forwarding_email_address
    more = (parse(return_path),) if return_path else ()
    if content.raw is not None:
        draft = _raw(content.raw.data, request.from_email_address, request.destination)
    elif content.simple is not None:
        draft = _simple(content.simple, request)
    elif content.template is not None and template is not None:
        parts = Parts(
            sender=request.from_email_address,
            destination=request.destination,
            reply_to=request.reply_to_addresses,
            template=content.template,
            content=template,
            data=content.template.template_data,
            headers=check_headers(content.template.headers),
        )
        draft = from_template(parts)
    else:
        raise Refusal(BAD_REQUEST, "Template must have one of TemplateName, TemplateArn and TemplateContent.")
    return msgspec.structs.replace(
        draft,
        senders=draft.senders + more,
        tags=tags or draft.tags,
        configuration_set=request.configuration_set_name or draft.configuration_set,
    )


def _raw(raw: bytes, sender: str | None, destination: Destination) -> Draft:
    _check_size(raw)
    block, _ = mime.split(raw)
    headers = mime.read_headers(block)
    _check_once(headers)
    if headers.first("From") is None:
        if not sender:
            raise Refusal(BAD_REQUEST, "Missing required header 'From'.")
        raw = f"From: {sender}\r\n".encode() + raw
        headers = mime.Headers(lines=(mime.Header(name="From", value=sender), *headers.lines))
    if _LONG_LINE.search(raw):
        raise Refusal(BAD_REQUEST, f"A line of the message is longer than {MAX_LINE_BYTES} characters.")
    source = sender or headers.all("From")[0]
    authors = mailboxes_of(headers, "From")
    if not authors:
        raise Refusal(BAD_REQUEST, "Missing final '@domain'")
    shown = (*authors, *mailboxes_of(headers, "Sender"), *mailboxes_of(headers, "Return-Path"))
    envelope = destination.everybody() or tuple(
        box.email for name in ("To", "Cc", "Bcc") for box in mailboxes_of(headers, name)
    )
    findings = _checked_scan(raw)
    return Draft(
        source=source,
        senders=((parse(sender),) if sender else ()) + shown,
        recipients=recipients_of(envelope),
        raw=raw,
        headers=headers.without("bcc"),
        virus=findings.virus,
        configuration_set=headers.first("X-SES-CONFIGURATION-SET"),
        tags=_header_tags(headers),
    )


def mailboxes_of(headers: mime.Headers, name: str) -> tuple[Address, ...]:
    """Read and check the addresses in all headers of a name."""
    boxes = [box for value in headers.all(name) for box in mailboxes(value)]
    return tuple(parse(box.email) for box in boxes)


def _header_tags(headers: mime.Headers) -> tuple[Tag, ...]:
    pairs = (
        pair.partition("=")
        for value in headers.all("X-SES-MESSAGE-TAGS")
        for pair in value.split(",")
        if pair.strip()
    )
    return check_tags(Tag(name=name.strip(), value=value.strip()) for name, _, value in pairs)


def _check_once(headers: mime.Headers) -> None:
    seen: set[str] = set()
    for header in headers.lines:
        name = header.name.lower()
        if name in seen and name in _ONCE:
            raise Refusal(BAD_REQUEST, f"Duplicate header '{header.name}'.")
        seen.add(name)


def _check_size(raw: bytes) -> None:
    if not raw:
        raise Refusal(BAD_REQUEST, "The message is empty.")
    if len(raw) > MAX_MESSAGE_BYTES:
        raise Refusal(
            BAD_REQUEST, f"Message length is more than {MAX_MESSAGE_BYTES} bytes long: '{len(raw)}'."
        )


def _checked_scan(raw: bytes) -> Findings:
    findings = scan(raw)
    if findings.parts > MAX_PARTS:
        raise Refusal(
            MESSAGE_REJECTED, f"The message has {findings.parts} MIME parts, more than {MAX_PARTS}."
        )
    blocked = findings.blocked()
    if blocked is not None:
        # the extension alone: the name may be private
        raise Refusal(
            MESSAGE_REJECTED, f"Illegal filename: attachments of type '.{blocked.rpartition('.')[2]}'."
        )
    return findings


def _simple(simple: Simple, request: SendEmail) -> Draft:
    return _composed(
        mime.Draft(
            sender=_required(request.from_email_address),
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


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a template message is made of; `data` is JSON."""

    sender: str | None
    destination: Destination
    reply_to: tuple[str, ...]
    template: Template
    content: TemplateContent
    data: str | None
    headers: tuple[mime.Header, ...]


def from_template(parts: Parts) -> Draft:
    """Render and compose a template message; one that cannot be rendered says so in `failure`."""
    data = parts.data or "{}"
    if len(data) > MAX_TEMPLATE_DATA:
        raise Refusal(BAD_REQUEST, f"TemplateData is longer than {MAX_TEMPLATE_DATA} characters.")
    try:
        values = templates.parse_data(data)
    except ValueError as error:
        raise Refusal(BAD_REQUEST, "TemplateData is not a JSON object.") from error
    content = parts.content
    failure: str | None = None
    rendered: list[str | None] = [None, None, None]
    try:
        rendered = [
            None if part is None else templates.render(part, values)
            for part in (content.subject, content.text, content.html)
        ]
    except templates.RenderingError as error:
        failure = str(error)
    subject, text, html = rendered
    draft = _composed(
        mime.Draft(
            sender=_required(parts.sender),
            subject=subject or "",
            text=Content(data=text) if text else None,
            html=Content(data=html) if html else None,
            to=parts.destination.to_addresses,
            cc=parts.destination.cc_addresses,
            reply_to=parts.reply_to,
            headers=parts.headers,
            attachments=check_attachments(parts.template.attachments),
        ),
        parts.destination,
    )
    return msgspec.structs.replace(draft, templated=True, failure=failure)


def _required(sender: str | None) -> str:
    if not sender:
        raise Refusal(BAD_REQUEST, "Missing required header 'From'.")
    return sender


def _composed(message: mime.Draft, destination: Destination) -> Draft:
    sender = parse(message.sender)
    recipients = recipients_of(destination.everybody())
    for address in message.reply_to:
        parse(address)
    raw = mime.compose(message)
    _check_size(raw)
    findings = _checked_scan(raw)
    return Draft(
        source=message.sender,
        senders=(sender,),
        recipients=recipients,
        raw=raw,
        headers=mime.read_headers(mime.split(raw)[0]),
        virus=findings.virus,
    )

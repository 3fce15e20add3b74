"""Makes a mail that arrives, of a form: composed here, or as a file. Pure."""

from __future__ import annotations

import email.message
import email.parser
import email.policy
import email.utils
import mimetypes
import re
from email.headerregistry import Address
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.addresses import parse_mailboxes
from mailbus.errors import InvalidJob
from mailbus_cli.room.forms import InvalidFormError
from mailbus_cli.room.sizes import size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mailbus.events import Mailbox
    from mailbus_cli.room.forms import File

#: What SES receives for a rule that stores mail in a bucket.
#: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
MAX_MAIL_BYTES: Final = 40 * 1024 * 1024
FILE, COMPOSED = "file", "compose"
#: The verdicts of a mail whose sender is forged: its domain's policy is to refuse it.
FAILS_DMARC: Final = {"spf": "FAIL", "dmarc": "FAIL", "dmarc_policy": "reject"}
# https://datatracker.ietf.org/doc/html/rfc3834, and the header of programs that are older
AUTOMATIC: Final = {"Auto-Submitted": "auto-replied", "Precedence": "bulk"}
_POLICY: Final = email.policy.SMTP
_MESSAGE_ID: Final = re.compile(r"<[^<>\s]+>")
_BARE_LINE_FEED: Final = re.compile(rb"(?<!\r)\n")


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A mail as a server brings it to SES, with its envelope, and verdicts in place of SES's own."""

    raw: bytes
    mail_from: str
    rcpt_to: tuple[str, ...]
    verdicts: dict[str, str]


def incoming(
    form: Mapping[str, str], files: Mapping[str, Sequence[File]], *, now: datetime, unique: str
) -> Incoming:
    """Return the mail that a form makes. Raises `InvalidFormError`.

    `form` has `as`, which is `compose` or `file`; `unique` is for the Message-ID of a composed one.
    """
    if form.get("as") == FILE:
        return _of_file(form, files.get("eml", ()))
    return _composed(form, files.get("attachments", ()), now, unique)


def _of_file(form: Mapping[str, str], chosen: Sequence[File]) -> Incoming:
    if not chosen or not chosen[0].content.strip():
        raise InvalidFormError({"eml": "Choose a file with a mail, such as one that a mail program saved."})
    # SMTP has no other ends of lines
    raw = _BARE_LINE_FEED.sub(b"\r\n", chosen[0].content)
    _require_size(raw, "eml")
    headers = email.parser.BytesHeaderParser().parsebytes(raw)
    errors: dict[str, str] = {}
    sender = _envelope(form, "envelope_from", headers, ("From",), errors)
    recipients = _envelope(form, "envelope_to", headers, ("To", "Cc"), errors)
    if "envelope_to" not in errors and not recipients:
        errors["envelope_to"] = "The file names nobody in To or Cc: write for whom it arrives."
    if errors:
        raise InvalidFormError(errors)
    return Incoming(raw=raw, mail_from=next(iter(sender), ""), rcpt_to=recipients, verdicts=_verdicts(form))


def _envelope(
    form: Mapping[str, str],
    field: str,
    headers: email.message.Message,
    names: Sequence[str],
    errors: dict[str, str],
) -> tuple[str, ...]:
    """Return the addresses of a field, or else of the headers of these names, which may be malformed."""
    if form.get(field, "").strip():
        return tuple(each.address for each in _mailboxes(form, field, errors))
    values = [str(value) for name in names for value in headers.get_all(name, [])]
    return tuple(address for _, address in email.utils.getaddresses(values) if "@" in address)


def _composed(form: Mapping[str, str], attachments: Sequence[File], now: datetime, unique: str) -> Incoming:
    errors: dict[str, str] = {}
    authors, recipients = (_mailboxes(form, field, errors) for field in ("from", "to"))
    if len(authors) > 1:
        errors["from"] = "Write one address: a mail comes from one."
    if errors:
        raise InvalidFormError(errors)
    author = authors[0]
    message = email.message.EmailMessage(policy=_POLICY)
    message["From"] = _address(author)
    message["To"] = [_address(each) for each in recipients]
    message["Subject"] = " ".join(form.get("subject", "").split())
    message["Date"] = now
    message["Message-ID"] = f"<{unique}@{author.address.rpartition('@')[2]}>"
    for name, field in (("In-Reply-To", "in_reply_to"), ("References", "references")):
        # nothing but message ids: a form could have any text
        if ids := _MESSAGE_ID.findall(form.get(field, "")):
            message[name] = " ".join(ids)
    if form.get("automatic"):
        for name, value in AUTOMATIC.items():
            message[name] = value
    message.set_content(_lines(form.get("text", "")))
    if form.get("html", "").strip():
        message.add_alternative(_lines(form["html"]), subtype="html")
    _attach(message, attachments)
    raw = message.as_bytes()
    _require_size(raw, "attachments")
    return Incoming(
        raw=raw,
        mail_from=author.address,
        rcpt_to=tuple(each.address for each in recipients),
        verdicts=_verdicts(form),
    )


def _attach(message: email.message.EmailMessage, attachments: Sequence[File]) -> None:
    # base64 takes four characters for three bytes; what is too large is not encoded first
    total = sum(len(file.content) for file in attachments)
    if total * 4 / 3 > MAX_MAIL_BYTES:
        raise InvalidFormError({"attachments": _too_large(total * 4 / 3)})
    for file in attachments:
        kind = file.content_type or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        main, _, sub = kind.partition(";")[0].strip().partition("/")
        if main in {"message", "multipart"} or not sub:
            # a mail in a mail would have to be parsed, and is a file for the one who receives it
            main, sub = "application", "octet-stream"
        message.add_attachment(file.content, maintype=main, subtype=sub, filename=file.name)


def _mailboxes(form: Mapping[str, str], field: str, errors: dict[str, str]) -> tuple[Mailbox, ...]:
    text = form.get(field, "").strip()
    if not text:
        errors[field] = "Write an address, such as ada@example.org."
        return ()
    try:
        return parse_mailboxes(text, field)
    except InvalidJob as error:
        errors[field] = f"It {error.reason}." if error.reason[:3] in {"has", "is "} else f"{error.reason}."
        return ()


def _address(mailbox: Mailbox) -> Address:
    local, _, domain = mailbox.address.rpartition("@")
    return Address(display_name=mailbox.name, username=local, domain=domain)


def _verdicts(form: Mapping[str, str]) -> dict[str, str]:
    return {
        **(FAILS_DMARC if form.get("dmarc") else {}),
        **{name: "FAIL" for name in ("spam", "virus") if form.get(name)},
    }


def _require_size(raw: bytes, field: str) -> None:
    if len(raw) > MAX_MAIL_BYTES:
        raise InvalidFormError({field: _too_large(len(raw))})


def _too_large(count: float) -> str:
    return f"The mail has {size(count)}, with its files encoded; SES receives {size(MAX_MAIL_BYTES)} at most."


def _lines(text: str) -> str:
    """Return a text with one kind of line ends: browsers send CRLF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")

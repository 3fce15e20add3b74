"""Prepares what follows from a mail: the same job again, a reply to a received one, an answer to a sent one.

A draft is a job document, to be edited, checked and enqueued by a person.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.addresses import format_mailbox

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mailbus.events import InboundMessage, Mailbox
    from mailbus_cli.room.content.mail import Content

#: Characters of a body that a draft takes over, and bytes of files.
BODY_CHARACTERS: Final = 500_000
FILE_BYTES: Final = 500_000
REFERENCES: Final = 20
QUOTED_CHARACTERS: Final = 20_000

_ANSWER: Final = re.compile(r"\s*(?:re|aw|antw|sv|vs)\s*:", re.IGNORECASE)
# what Mailbus, SES or the MIME structure writes itself
_OWN_HEADERS: Final = re.compile(
    r"(?:from|to|cc|bcc|reply-to|subject|sender|date|message-id|mime-version|content-.*|x-tag|x-metadata"
    r"|return-path|received|dkim-signature|feedback-id|x-ses-.*)",
    re.IGNORECASE,
)
_NO_LETTERS: Final = re.compile(r"[^A-Za-z0-9_-]+")


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A job document with what was left out of it."""

    job: dict[str, Any]
    left_out: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The job as JSON."""
        return msgspec.json.format(msgspec.json.encode(self.job), indent=2).decode()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the form that receives a mail is filled with, to answer a sent one."""

    mail_from: str
    rcpt_to: str
    subject: str
    text: str
    in_reply_to: str | None
    references: str | None


def again(content: Content, raw_files: Sequence[bytes], *, job_id: str, recipients: Sequence[str]) -> Draft:
    """Return the job that sends a mail again. `raw_files` are its files' contents, in order."""
    message: InboundMessage | None = content.message
    if message is None:
        return Draft(job={"job_id": job_id}, left_out=("the mail, which cannot be read",))
    shown = [each.address for each in (*message.to, *message.cc)]
    job: dict[str, Any] = {
        "job_id": job_id,
        "from_email": _mailboxes(message.from_email),
        "to": _mailboxes(message.to) or list(recipients),
        "cc": _mailboxes(message.cc),
        "bcc": [each for each in recipients if each not in shown] if message.to else [],
        "reply_to": _mailboxes(message.reply_to),
        "subject": content.subject or "",
    }
    left_out: list[str] = []
    for name, body in (("text", content.text), ("html", content.html)):
        if body is not None and len(body) <= BODY_CHARACTERS:
            job[name] = body
        elif body is not None:
            left_out.append(f"{name}, which has {len(body)} characters")
    job["tags"] = list(content.all("x-tag"))
    job["metadata"] = _metadata(content)
    job["headers"] = {name: value for name, value in content.headers if not _OWN_HEADERS.fullmatch(name)}
    job["attachments"] = []
    for file, inside in zip(content.files, raw_files, strict=True):
        if len(inside) > FILE_BYTES:
            left_out.append(f"{file.safe_name}, which has {len(inside)} bytes")
            continue
        job["attachments"].append(
            {
                "filename": file.safe_name,
                "content_type": file.content_type,
                "content": b64encode(inside).decode(),
                **({"content_id": file.content_id} if file.is_inline and file.content_id else {}),
            }
        )
    if "text" not in job and "html" not in job:
        job["text"] = ""
    return Draft(job=_without_empty(job), left_out=tuple(left_out))


def reply(
    content: Content, *, job_id: str, recipients: Sequence[str], received_at: datetime | None = None
) -> Draft:
    """Return the job that answers a received mail; `recipients` are those that it was received for."""
    message: InboundMessage | None = content.message
    if message is None:
        return Draft(job={"job_id": job_id}, left_out=("the mail, which cannot be read",))
    ours = next(iter(recipients), None) or next((each.address for each in message.to), "")
    job: dict[str, Any] = {
        "job_id": job_id,
        "from_email": ours,
        "to": _mailboxes(message.reply_to or message.from_email),
        "subject": _answer_subject(content.subject),
        "text": f"\n\n{_quoted(content, message, received_at)}",
        "headers": _thread(message.message_id_header, message.in_reply_to, message.references),
    }
    return Draft(job=_without_empty(job))


def answer(content: Content, *, recipient: str) -> Answer | None:
    """Return what the recipient of a sent mail would answer; None if the mail cannot be read."""
    message: InboundMessage | None = content.message
    if message is None:
        return None
    thread = _thread(message.message_id_header, message.in_reply_to, message.references)
    to = next(iter(message.reply_to or message.from_email), None)
    return Answer(
        mail_from=recipient,
        rcpt_to="" if to is None else to.address,
        subject=_answer_subject(content.subject),
        text=f"\n\n{_quoted(content, message, message.date)}",
        in_reply_to=thread.get("In-Reply-To"),
        references=thread.get("References"),
    )


def new_job_id(prefix: str, unique: str) -> str:
    """Return a job id that begins with the name of what it follows from."""
    clean = _NO_LETTERS.sub("-", prefix).strip("-")[: 126 - len(unique)]
    return f"{clean}-{unique}" if clean else unique


def _thread(message_id: str | None, in_reply_to: str | None, references: Sequence[str]) -> dict[str, str]:
    """Return the headers that put an answer into its thread.

    https://www.rfc-editor.org/rfc/rfc5322#section-3.6.4
    """
    if not message_id:
        return {}
    before = list(references) or ([in_reply_to] if in_reply_to else [])
    # the first one names the thread, and programs look at the last ones
    kept = [*before[:1], *before[1:][-REFERENCES:], message_id]
    return {"In-Reply-To": message_id, "References": " ".join(kept)}


def _quoted(content: Content, message: InboundMessage, at: datetime | None) -> str:
    author = next(iter(message.from_email), None)
    name = "" if author is None else (author.name or author.address)
    day = "" if at is None else f"On {at:%d %B %Y at %H:%M} "
    body = (message.stripped_text or content.text or "")[:QUOTED_CHARACTERS].strip()
    return f"{day}{name} wrote:\n" + "\n".join(f"> {line}".rstrip() for line in body.splitlines())


def _answer_subject(subject: str | None) -> str:
    plain = (subject or "").strip()
    return plain if _ANSWER.match(plain) else f"Re: {plain}".strip()


def _mailboxes(mailboxes: Sequence[Mailbox]) -> list[str]:
    return [format_mailbox(each) for each in mailboxes if "@" in each.address]


def _metadata(content: Content) -> dict[str, Any]:
    try:
        return msgspec.json.decode(next(iter(content.all("x-metadata")), "{}"), type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}


def _without_empty(job: dict[str, Any]) -> dict[str, Any]:
    kept = {"job_id", "subject", "text"}
    return {name: value for name, value in job.items() if value or (name in kept and value is not None)}

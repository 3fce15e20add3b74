"""A received mail as its page shows it: what to be careful about, SES's verdicts, envelope beside headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from mailbus.environment import ENTRY_BYTES
from mailbus.events import InboundEvent, InboundMessage, StoredObject, StoredPart
from mailbus.timeline.mails import ReceivedMail
from mailbus_cli.room.content import inbound_package

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus.events import Mailbox
    from mailbus_cli.room.content.mail import Content

Level = Literal["pass", "none", "fail"]
SNIPPET_CHARACTERS: Final = 140
#: Where the inbound function puts a mail's parts and bodies.
PARTS_PREFIX: Final = "parts/"

# https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
_VERDICTS: Final[dict[str, tuple[Level, str]]] = {
    "PASS": ("pass", "pass"),
    "FAIL": ("fail", "fail"),
    "GRAY": ("none", "none"),
    "PROCESSING_FAILED": ("none", "not checked"),
    "DISABLED": ("none", "off"),
}
_DMARC_POLICIES: Final = {
    "reject": "and the sender's domain asks for such mail to be rejected",
    "quarantine": "and the sender's domain asks for such mail to be put aside",
    "none": "and the sender's domain asks for nothing to be done about it",
}
_MARKED: Final = "SES scans and marks, it does not drop: your application decides."


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict of SES as a pill."""

    text: str
    level: Level


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """An address of the envelope or of a header; `is_elsewhere` if its domain is not the From address's."""

    address: str
    name: str = ""
    is_elsewhere: bool = False
    detail: str | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A received mail in the list."""

    mail: ReceivedMail
    sender: str
    subject: str
    snippet: str
    names: tuple[str, ...] = ()
    is_failed: bool = False
    #: False if there is no content, which may be a matter of rights
    is_read: bool = False

    @property
    def has_attachments(self) -> bool:
        """True if the mail has files that its body does not show."""
        return bool(self.names)

    def contains(self, words: str) -> bool:
        """Return True if the address, the subject or an attachment has this text."""
        fields = (self.sender, self.subject, self.snippet, self.mail.envelope_sender or "", *self.names)
        return words.casefold() in " ".join((*fields, *self.mail.envelope_recipients)).casefold()


def verdicts(mail: ReceivedMail) -> tuple[Verdict, ...]:
    """Return the verdicts that SES gave."""
    named = (
        ("SPF", mail.spf_verdict),
        ("DKIM", mail.dkim_verdict),
        ("DMARC", mail.dmarc_verdict),
        ("spam", mail.spam_verdict),
        ("virus", mail.virus_verdict),
    )
    found = []
    for name, status in named:
        if status is None:
            continue
        level, word = _VERDICTS.get(status, ("none", status.lower()))
        policy = (
            f", policy {mail.dmarc_policy}"
            if name == "DMARC" and level == "fail" and mail.dmarc_policy
            else ""
        )
        found.append(Verdict(text=f"{name} {word}{policy}", level=level))
    return tuple(found)


def warning(mail: ReceivedMail) -> str | None:
    """Return what to be careful about; None if SES objects to nothing."""
    reasons = [reason for check in _CAREFUL if (reason := check(mail))]
    return f"{' '.join(reasons)} {_MARKED}" if reasons else None


def _virus(mail: ReceivedMail) -> str | None:
    return "SES found a virus in it." if mail.virus_verdict == "FAIL" else None


def _dmarc(mail: ReceivedMail) -> str | None:
    if mail.dmarc_verdict != "FAIL":
        return None
    policy = _DMARC_POLICIES.get((mail.dmarc_policy or "").lower())
    return f"DMARC failed, {policy}." if policy else "DMARC failed: its From address may be another's."


def _forged(mail: ReceivedMail) -> str | None:
    if mail.dmarc_verdict in {"PASS", "FAIL"} or "PASS" in {mail.spf_verdict, mail.dkim_verdict}:
        return None
    failed = [
        name
        for name, verdict in (("SPF", mail.spf_verdict), ("DKIM", mail.dkim_verdict))
        if verdict == "FAIL"
    ]
    return f"{' and '.join(failed)} failed: its sender may be another." if failed else None


def _spam(mail: ReceivedMail) -> str | None:
    return "SES takes it for spam." if mail.spam_verdict == "FAIL" else None


_CAREFUL: Final[tuple[Callable[[ReceivedMail], str | None], ...]] = (_virus, _dmarc, _forged, _spam)


def is_elsewhere(address: str | None, author: str | None) -> bool:
    """Return True if two addresses are of domains that have nothing to do with each other."""
    one, other = _domain(address), _domain(author)
    if not one or not other:
        return False
    return not (one == other or one.endswith(f".{other}") or other.endswith(f".{one}"))


def _domain(address: str | None) -> str:
    return (address or "").rpartition("@")[2].strip(".").lower()


def envelope(mail: ReceivedMail, content: Content | None) -> dict[str, tuple[Party, ...]]:
    """Return envelope and headers side by side, by the label of their row."""
    message: InboundMessage | None = None if content is None else content.message
    authors = () if message is None else message.from_email
    author = authors[0].address if authors else None
    sender = mail.envelope_sender
    rows = {
        "From": tuple(_party(each) for each in authors),
        "Envelope": (
            Party(
                address=sender or "(empty: a bounce or a report)", is_elsewhere=is_elsewhere(sender, author)
            ),
        ),
        "For": tuple(Party(address=each, detail=_detail(each)) for each in mail.envelope_recipients),
        "Reply-To": tuple(_party(each, author) for each in (() if message is None else message.reply_to)),
    }
    return {label: parties for label, parties in rows.items() if parties}


def _party(mailbox: Mailbox, author: str | None = None) -> Party:
    return Party(
        address=mailbox.address,
        name=mailbox.name,
        is_elsewhere=author is not None and is_elsewhere(mailbox.address, author),
    )


def _detail(address: str) -> str | None:
    """Return the part behind the + of an address (RFC 5233's detail)."""
    return address.rpartition("@")[0].partition("+")[2] or None


def row(mail: ReceivedMail, content: Content | None, problem: str | None = None) -> Row:
    """Return a mail for the list; `content` is the beginning of it, `problem` says why there is none."""
    message: InboundMessage | None = None if content is None else content.message
    failed = mail.event_type == "inbound_failed"
    if content is None or message is None:
        reason = mail.description or (content and content.problem) or problem or ""
        return Row(
            mail=mail,
            sender=mail.envelope_sender or next(iter(mail.envelope_recipients), "(no sender)"),
            subject="(cannot be read)" if failed or reason else "(no content)",
            snippet=f"inbound_failed: {reason}" if failed else reason,
            is_failed=failed,
        )
    author = next(iter(message.from_email), None)
    text = " ".join((message.stripped_text or content.text or "")[: 10 * SNIPPET_CHARACTERS].split())
    names = tuple(file.safe_name for file in content.attachments)
    snippet = "automatic: not to be answered by a machine" if message.automatic else text or ", ".join(names)
    return Row(
        mail=mail,
        sender=(author.name or author.address) if author else mail.envelope_sender or "(no sender)",
        subject=message.subject or "(no subject)",
        snippet=snippet[:SNIPPET_CHARACTERS],
        names=names,
        is_failed=failed,
        is_read=True,
    )


def event(mail: ReceivedMail, content: Content | None) -> InboundEvent:
    """Return the event as a consumer gets it: the timeline has its envelope, the raw mail the rest."""
    message = None if content is None or mail.event_type == "inbound_failed" else content.message
    if message is not None and content is not None:
        message = msgspec.structs.replace(
            message,
            envelope_sender=mail.envelope_sender,
            envelope_recipients=mail.envelope_recipients,
            recipients=mail.envelope_recipients,
            recipient_details={
                each: detail for each in mail.envelope_recipients if (detail := _detail(each))
            },
            attachments=_stored(mail, content, is_inline=False),
            inlines=_stored(mail, content, is_inline=True),
            defects=content.defects,
        )
    found = InboundEvent(
        event_type="inbound_failed" if mail.event_type == "inbound_failed" else "inbound",
        event_id=mail.message_id,
        timestamp=mail.received,
        message_id=mail.message_id,
        description=mail.description,
        message=message,
        spam_detected={"FAIL": True, "PASS": False}.get(mail.spam_verdict or ""),
        spam_verdict=mail.spam_verdict,
        virus_verdict=mail.virus_verdict,
        spf_verdict=mail.spf_verdict,
        dkim_verdict=mail.dkim_verdict,
        dmarc_verdict=mail.dmarc_verdict,
        dmarc_policy=mail.dmarc_policy,
        raw=mail.raw,
    )
    if message is None or content is None or mail.raw is None:
        return found
    fitted: InboundEvent = (
        inbound_package.module("fitting")
        .fit(
            found,
            text=None if content.text is None else content.text.encode(),
            html=None if content.html is None else content.html.encode(),
            folder=StoredObject(bucket=mail.raw.bucket, key=f"{PARTS_PREFIX}{mail.message_id}/"),
            resources=(),
            entry_bytes=ENTRY_BYTES,
        )
        .event
    )
    return fitted


def _stored(mail: ReceivedMail, content: Content, *, is_inline: bool) -> tuple[StoredPart, ...]:
    bucket = mail.raw.bucket if mail.raw else ""
    return tuple(
        StoredPart(
            filename=file.name,
            content_type=file.content_type,
            size=file.size,
            sha256=file.sha256,
            content_id=file.content_id,
            disposition="inline" if is_inline else "attachment",
            s3=StoredObject(bucket=bucket, key=f"{PARTS_PREFIX}{mail.message_id}/{file.key_name}"),
        )
        for file in content.files
        if file.is_inline == is_inline
    )

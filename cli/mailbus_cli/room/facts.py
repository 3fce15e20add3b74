"""What is known of a sent mail, as rows of a label and a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mailbus_cli.room.sent_mail import known_of

if TYPE_CHECKING:
    from mailbus.events import InboundMessage, Mailbox
    from mailbus_cli.room.content.mail import Content
    from mailbus_cli.room.sent_mail import SentMail


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A row; `can_copy` puts a button beside the value, `more` is said behind it."""

    label: str
    value: str
    more: str | None = None
    is_code: bool = False
    can_copy: bool = False


def facts(
    mail: SentMail, content: Content | None, *, ledger: str | None = None, suppression: str | None = None
) -> tuple[Fact, ...]:
    """Return the facts of a mail; `content` is there on the laptop alone."""
    known = known_of(mail)
    message: InboundMessage | None = None if content is None else content.message
    metadata = " · ".join(f"{name}: {value}" for name, value in (known.get("metadata") or {}).items())
    rows: tuple[tuple[str, object, dict[str, Any]], ...] = (
        ("From", _shown(message.from_email) if message else known.get("source"), {}),
        ("To", _to(mail, message), {}),
        ("Reply-To", _shown(message.reply_to) if message else None, {}),
        ("Job", mail.job_id, {"is_code": True, "can_copy": True, "more": metadata or None}),
        ("Message", _message_id(mail), {"is_code": True, "can_copy": True}),
        ("Set", known.get("configuration_set") if content is None else None, {"is_code": True}),
        ("Identity", known.get("identity") if content is None else None, {"is_code": True}),
        ("Ledger", ledger, {}),
        ("Suppression", suppression, {}),
    )
    return tuple(Fact(label=label, value=str(value), **more) for label, value, more in rows if value)


def _message_id(mail: SentMail) -> str | None:
    """Return SES's id of the message; None for a job that has none yet, or many."""
    if mail.selected:
        return mail.selected.message_id
    if mail.ledger is None:
        return mail.id
    return mail.ledger.message_ids[0] if len(mail.ledger.message_ids) == 1 else None


def _to(mail: SentMail, message: InboundMessage | None) -> str | None:
    if len(mail.mails) > 1:
        return f"{len(mail.mails)} recipients" if message is None or mail.is_merge else _shown(message.to)
    if mail.selected and mail.selected.recipient:
        return mail.selected.recipient
    return _shown(message.to) if message else None


def _shown(mailboxes: tuple[Mailbox, ...]) -> str:
    return ", ".join(f"{each.name} <{each.address}>" if each.name else each.address for each in mailboxes)

"""The form for an event of a sent mail, with what each event would do to the mail's status. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mailbus.timeline.mails import same_recipient
from mailbus_cli.room.content import mail as mail_content
from mailbus_cli.room.content.links import links
from mailbus_cli.room.made_events import CHOICES, Choice, Option, Outcome, outcomes
from mailbus_cli.status_words import STATUS_WORDS, StatusWords

if TYPE_CHECKING:
    from mailbus.timeline.status import Status
    from mailbus_cli.room.sent_mail import SentMail


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of an event: `outcome` is the place of what it does among those of its event."""

    option: Option
    outcome: int


class FormEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event with its kinds, and with each thing that one of them would do."""

    choice: Choice
    kinds: tuple[Kind, ...]
    outcomes: tuple[Outcome, ...]


class EventForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a form for an event of one recipient's mail shows; `links` are those to click."""

    message_id: str
    subject: str
    recipient: str
    recipients: tuple[str, ...]
    status: StatusWords
    links: tuple[str, ...]
    events: tuple[FormEvent, ...]
    chosen: str


def event_form(mail: SentMail, *, chosen: str | None = None) -> EventForm | None:
    """Return the form for the selected recipient of a mail; None if the mail itself is not here.

    `chosen` is the event that is chosen at first, by its key.
    """
    if mail.message is None:
        return None
    known = mail.selected.recipient if mail.selected else None
    recipients = mail.message.recipients
    recipient = next((each for each in recipients if known and same_recipient(each, known)), recipients[0])
    status: Status = mail.selected.status if mail.selected else "none"
    content = mail_content.read(mail.message.raw)
    # the event's own recipient first
    everyone = (recipient, *(each for each in recipients if each != recipient))
    return EventForm(
        message_id=mail.message.message_id,
        subject=content.subject or "(no subject)",
        recipient=recipient,
        recipients=recipients,
        status=STATUS_WORDS[status],
        links=tuple(link.url for link in links(content.html, content.text) if link.kind == "web"),
        events=tuple(_event(choice, status, everyone) for choice in CHOICES),
        chosen=chosen if chosen in {choice.key for choice in CHOICES} else CHOICES[0].key,
    )


def _event(choice: Choice, status: Status, recipients: tuple[str, ...]) -> FormEvent:
    found = outcomes(choice, status, recipients)
    distinct = tuple(dict.fromkeys(found))
    kinds = tuple(
        Kind(option=option, outcome=distinct.index(outcome))
        for option, outcome in zip(choice.options, found, strict=False)
    )
    return FormEvent(choice=choice, kinds=kinds, outcomes=distinct)

"""Converts Django's messages, with the attributes that Anymail adds, to send jobs.

A message means what Django's documentation says (https://docs.djangoproject.com/en/stable/topics/email/), and
its added attributes what Anymail's says (https://anymail.dev/en/stable/sending/anymail_additions/). What a
job cannot express is refused at the path of the job's field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mailbus.addresses import address_key
from mailbus.django.content import read_attachments, read_bodies
from mailbus.django.defaults import COMBINERS, combined, own_attribute
from mailbus.django.headers import (
    bare_address,
    formatted,
    mailboxes,
    mailboxes_in,
    other_recipients,
    read_headers,
    shows_nobody,
    without_strangers,
)
from mailbus.django.own_mime import as_its_mime_says
from mailbus.django.values import as_text, as_texts, as_time, plain_str, plain_value
from mailbus.errors import UnsupportedFeature
from mailbus.jobs.error_list import ErrorList
from mailbus.jobs.merge import RECIPIENT_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.mail import EmailMessage


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """A message as a send job's document, with the bare addresses of its recipients."""

    document: dict[str, object]
    recipients: tuple[str, ...]


def convert(message: EmailMessage, defaults: Mapping[str, object]) -> Converted:
    """Return a message as a job, its attributes combined with `SEND_DEFAULTS`. Raises `InvalidJob`."""
    _refuse_custom_structure(message)
    message = as_its_mime_says(message)

    def attribute(name: str) -> object:
        return combined(COMBINERS[name], defaults.get(name), own_attribute(message, name))

    addressed, headers = read_headers(attribute("extra_headers"))
    errors = ErrorList()
    to, cc, bcc, reply_to = (
        mailboxes(attribute(name), f"$.{name}", errors) for name in ("to", "cc", "bcc", "reply_to")
    )
    errors.raise_all()
    if shows_nobody(addressed.get("to")):
        del addressed["to"]
        to, bcc = (), (*to, *bcc)
    from_email = mailboxes_in(own_attribute(message, "from_email"), "$.from_email")
    envelope_sender = bare_address(attribute("envelope_sender"), "$.envelope_sender") or bare_address(
        addressed.get("return-path"), "$.headers.Return-Path"
    )
    shown_from = mailboxes_in(addressed.get("from"), "$.headers.From")
    if shown_from and shown_from != from_email:
        # the envelope has what the From header has otherwise: https://code.djangoproject.com/ticket/9214
        envelope_sender = envelope_sender or bare_address(
            own_attribute(message, "from_email"), "$.from_email"
        )
        from_email = shown_from
    if addressed.get("reply-to"):
        reply_to = mailboxes_in(addressed["reply-to"], "$.headers.Reply-To")
    headers |= other_recipients(addressed, to, cc, bcc)
    template = as_text(attribute("template_id"), "$.template_id")
    attachments = read_attachments(attribute("attachments"))
    own_subject = own_attribute(message, "subject")
    subject = None if own_subject is None else plain_str(own_subject)
    headers = {name: text for name, text in headers.items() if (name.lower(), text) != ("subject", subject)}
    of_recipients = {
        name: without_strangers(plain_value(attribute(name)), {address_key(one.address) for one in to}, name)
        for name in RECIPIENT_FIELDS
    }
    document: dict[str, object] = {
        "job_id": own_attribute(message, "mailbus_job_id"),
        "from_email": formatted(from_email),
        "to": formatted(to),
        "cc": formatted(cc),
        "bcc": formatted(bcc),
        "reply_to": formatted(reply_to),
        # a stored template has a subject of its own, and Django's attribute is always set
        "subject": subject if subject or template is None else None,
        **read_bodies(message, attribute("alternatives"), may_be_missing=bool(attachments or template)),
        "attachments": attachments,
        "headers": headers or None,
        "envelope_sender": envelope_sender,
        "tags": as_texts(attribute("tags"), "$.tags"),
        "metadata": plain_value(attribute("metadata")),
        "track_opens": attribute("track_opens"),
        "track_clicks": attribute("track_clicks"),
        "send_at": as_time(attribute("send_at")),
        "expires_at": as_time(own_attribute(message, "mailbus_expires_at")),
        "template_id": template,
        **of_recipients,
        "merge_global_data": plain_value(attribute("merge_global_data")),
        "esp_extra": plain_value(attribute("esp_extra")),
    }
    return Converted(
        document={
            name: value
            for name, value in document.items()
            if value is not None and value is not msgspec.UNSET
        },
        recipients=tuple(mailbox.address for mailbox in (*to, *cc, *bcc)),
    )


def _refuse_custom_structure(message: EmailMessage) -> None:
    """Refuse a message whose parts are put together in a way of its own, which would be lost."""
    path = "$"
    forms = {
        "mixed_subtype": {"mixed", "related"},
        "alternative_subtype": {"alternative"},
    }
    for name, known in forms.items():
        # some classes add parameters to it
        if str(getattr(message, name, None) or "").partition(";")[0] not in {"", *known}:
            reason = f"{name} must be one of {', '.join(sorted(known))}; a job has no other structure"
            raise UnsupportedFeature(path, name, reason)

"""Messages of classes with a `message()` of their own."""

from __future__ import annotations

from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from typing import Any

from django.core.mail import EmailMessage, EmailMultiAlternatives

from mailbus.django import BadHeader
from mailbus.encoded_words import decode_words
from mailbus.errors import UnsupportedFeature
from tests.unit.mailbus.django.mail import PNG, Mail, with_attributes


class Branded(EmailMultiAlternatives):
    """Adds a header, a file and a line to what Django makes."""

    def message(self, **options: Any) -> Any:
        self.attachments = [*self.attachments, ("terms.txt", "Terms für alle", "text/plain")]
        self.body = f"{self.body}\n-- \nExämple"
        mime = super().message(**options)
        mime["X-Brand"] = "Größe"
        mime["List-Unsubscribe"] = f"<https://www.example.com/u?{'a' * 80}>, <mailto:u@example.com>"
        return mime


def branded(**fields: Any) -> Branded:
    return Branded(**{"subject": "Grüße", "body": "Hello.", "to": ["Zoë <zoe@example.net>"], **fields})


def test_what_it_changes_is_sent(django: Mail) -> None:
    job = django.send(
        with_attributes(
            branded(cc=["bob@example.net"], bcc=["archive@example.org"], reply_to=["support@example.com"]),
            tags=["order"],
            mailbus_job_id="order-1001",
        )
    )
    (file,) = job.pop("attachments")
    job["text"] = job["text"].rstrip("\n")
    for holder, name in ((job, "subject"), (job["headers"], "X-Brand")):
        holder[name] = decode_words(holder[name])
    assert (file["filename"], file["content_type"]) == ("terms.txt", 'text/plain; charset="utf-8"')
    assert job == {
        "job_id": "order-1001",
        "from_email": ['"Shop" <shop@example.com>'],
        "to": ['"Zoë" <zoe@example.net>'],
        "cc": ["bob@example.net"],
        "bcc": ["archive@example.org"],
        "reply_to": ["support@example.com"],
        "subject": "Grüße",
        "text": "Hello.\n-- \nExämple",
        "headers": {
            "X-Brand": "Größe",
            "List-Unsubscribe": f"<https://www.example.com/u?{'a' * 80}>, <mailto:u@example.com>",
        },
        "tags": ["order"],
    }


def test_its_alternatives_and_inline_images_are_sent(django: Mail) -> None:
    class Illustrated(EmailMultiAlternatives):
        def message(self, **options: Any) -> Any:
            plain, html = super().message(**options).get_payload()
            image = MIMEApplication(PNG, "octet-stream")
            image["Content-ID"] = "<logo>"
            related = MIMEMultipart("related", _subparts=[html, image])
            mime = MIMEMultipart("alternative", _subparts=[plain, related])
            mime["Subject"], mime["To"] = "Hello", "Readers <readers@example.com>"
            return mime

    message = Illustrated("Hello", "Hello.", to=["ann@example.net"])
    message.attach_alternative("<img src='cid:logo'>", "text/html")

    job = django.send(message)

    # Python's newer classes end a text with a line end
    assert [job[name].rstrip("\n") for name in ("text", "html")] == ["Hello.", "<img src='cid:logo'>"]
    assert job["attachments"][0]["content_id"] == "logo"
    assert job["headers"] == {"To": "Readers <readers@example.com>"}


def test_a_class_that_adds_parts_in_a_method_of_django_is_read_too(django: Mail) -> None:
    # that of Django 5.2 returns the parts, the newer one adds them
    returns = hasattr(EmailMultiAlternatives, "_create_message")
    name = "_create_message" if returns else "_add_bodies"

    def add(self: Any, mime: Any) -> Any:
        made = getattr(super(related, self), name)(mime)
        image = MIMEApplication(PNG, "octet-stream")
        image["Content-ID"] = "<logo>"
        if returns:
            return MIMEMultipart("related", _subparts=[made, image])
        mime.make_mixed()
        return mime.attach(image)

    related = type("Related", (EmailMultiAlternatives,), {name: add})
    message = related("Hello", "Hello.", to=["ann@example.net"])
    message.attach_alternative("<img src='cid:logo'>", "text/html")
    job = django.send(message)
    assert [job[name].rstrip("\n") for name in ("text", "html")] == ["Hello.", "<img src='cid:logo'>"]
    assert job["attachments"][0]["content_id"] == "logo"


def test_a_mail_that_is_signed_as_it_is_is_refused_with_the_way(django: Mail) -> None:
    class Signed(EmailMessage):
        def message(self, **options: Any) -> Any:
            return MIMEMultipart("signed", _subparts=[super().message(**options)])

    refused = django.refusal(Signed("Signed", "Hello.", to=["ann@example.net"]))

    assert isinstance(refused, UnsupportedFeature)
    assert refused.reason.startswith("message() of Signed makes multipart/signed, ")
    assert "send this message by another backend" in refused.reason


def test_a_bad_header_in_it_is_one_of_the_message(django: Mail) -> None:
    assert isinstance(django.refusal(branded(subject="a\nb")), BadHeader)

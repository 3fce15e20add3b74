from __future__ import annotations

from email.message import EmailMessage

from mailbus_local.testing.mail import Attachment, to_mail


def accepted(message: EmailMessage, *recipients: str) -> dict[str, object]:
    return {
        "message_id": "0100",
        "from": "Shop <shop@example.com>",
        "recipients": list(recipients),
        "tags": {"mailbus-job-id": "job-1", "campaign": "spring"},
        "raw": message.as_bytes().decode(),
    }


def test_a_mail_has_its_envelope_headers_bodies_and_attachments_decoded() -> None:
    message = EmailMessage()
    message["From"] = "Café <shop@example.com>"
    message["To"] = "Ada <ada@example.com>, bob@example.com"
    message["Reply-To"] = "support@example.com"
    message["Subject"] = "Ihre Bestellung wurde verschickt — Größe 42, wie gewünscht und in großer Eile"
    message["X-Tag"] = "receipt"
    message["X-Tag"] = "spring"
    message["X-Metadata"] = '{"order": 1001}'
    message.set_content("Grüße\n")
    message.add_alternative('<p>Grüße <img src="cid:logo"></p>\n', subtype="html")
    message.get_payload()[1].add_related(b"PNG", "image", "png", cid="<logo>", disposition="inline")  # type: ignore[index, union-attr]
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Größe.pdf")

    mail = to_mail(accepted(message, "Ada@example.com", "bob@example.com", "blind@example.com"))

    assert mail.job_id == "job-1"
    assert mail.from_email == "Café <shop@example.com>"
    assert mail.recipients == ("Ada@example.com", "bob@example.com", "blind@example.com")
    assert (mail.to, mail.cc, mail.reply_to) == (
        ("ada@example.com", "bob@example.com"),
        (),
        ("support@example.com",),
    )
    assert mail.subject == message["Subject"]
    assert (mail.text, mail.html) == ("Grüße\n", '<p>Grüße <img src="cid:logo"></p>\n')
    assert mail.tags == ("receipt", "spring")
    assert mail.metadata == {"order": 1001}
    assert mail.message_tags["campaign"] == "spring"
    assert mail.headers["Reply-To"] == "support@example.com"
    assert mail.attachments == (
        Attachment(filename=None, content_type="image/png", content=b"PNG", content_id="logo", inline=True),
        Attachment(
            filename="Größe.pdf",
            content_type="application/pdf",
            content=b"%PDF",
            content_id=None,
            inline=False,
        ),
    )


def test_a_mail_without_text_or_subject_has_none() -> None:
    message = EmailMessage()
    message["To"] = "ada@example.com"
    message.set_content("<p>Hello</p>", subtype="html")

    mail = to_mail(accepted(message, "ada@example.com"))

    assert mail.text is None
    assert mail.html == "<p>Hello</p>\n"
    assert mail.subject == ""
    assert mail.from_email == "Shop <shop@example.com>"
    assert (mail.metadata, mail.tags, mail.attachments) == ({}, (), ())

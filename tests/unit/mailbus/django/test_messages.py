from __future__ import annotations

import email.policy
from datetime import date, datetime, timedelta, timezone
from email.mime.image import MIMEImage
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any, cast

import pytest
from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe

from mailbus.jobs.parsing import parse_document
from sender.ses.mime import build_message

if TYPE_CHECKING:
    from email.message import EmailMessage as PythonMessage

from tests.unit.mailbus.django.mail import PNG, Mail, message, with_attributes


class Anymail:
    """Stands for django-anymail where a project still has it: its class gives unset attributes this mark."""

    UNSET = type("UNSET", (object,), {})

    class Message(EmailMultiAlternatives):
        def __init__(self, **fields: Any) -> None:
            super().__init__(**fields)
            for name in (
                "esp_extra",
                "metadata",
                "send_at",
                "tags",
                "track_opens",
                "template_id",
                "merge_data",
            ):
                setattr(self, name, Anymail.UNSET)


def test_a_plain_message_becomes_a_job(django: Mail) -> None:
    job = django.send(
        EmailMessage(
            "Your order 1001",
            "It is on its way.",
            "Zoë <shop@example.com>",
            ["Jürgen Müller <juergen@example.net>", "ann@example.net"],
            ["archive@example.org"],
            cc=["orders@example.org"],
            reply_to=["Support <support@example.com>", "desk@example.com"],
            headers={"List-Unsubscribe": "<https://www.example.com/u?c=17>", "X-Count": cast("str", 3)},
        )
    )

    assert len(job.pop("job_id")) == 32
    assert job == {
        "from_email": ['"Zoë" <shop@example.com>'],
        "to": ['"Jürgen Müller" <juergen@example.net>', "ann@example.net"],
        "cc": ["orders@example.org"],
        "bcc": ["archive@example.org"],
        "reply_to": ['"Support" <support@example.com>', "desk@example.com"],
        "subject": "Your order 1001",
        "text": "It is on its way.",
        "headers": {"List-Unsubscribe": "<https://www.example.com/u?c=17>", "X-Count": "3"},
    }


def test_send_mail_with_html_becomes_text_and_html(django: Mail) -> None:
    count = mail.send_mail(
        "Hello",
        "Hello.",
        None,
        ["ann@example.net"],
        html_message="<p>Hello.</p>",
        connection=django.connection(),
    )

    (job,) = django.queue.jobs
    assert count == 1
    assert (job["text"], job["html"], job["from_email"]) == (
        "Hello.",
        "<p>Hello.</p>",
        ['"Shop" <shop@example.com>'],
    )


def test_lazy_and_safe_strings_become_text(django: Mail) -> None:
    translated = with_attributes(
        message(
            subject=lazystr("Your order"),
            body=cast("str", lazystr("Thank you.")),
            to=[cast("str", lazystr("Ann <ann@example.net>"))],
            headers={"X-Shop": cast("str", lazystr("north"))},
            alternatives=[(mark_safe("<p>Thank you.</p>"), "text/html")],
            attachments=[(lazystr("terms.txt"), lazystr("Terms."), "text/plain")],
        ),
        tags=[lazystr("receipt")],
        metadata={"plan": lazystr("gold"), lazystr("shop"): 1},
        merge_global_data={"shop": {"name": mark_safe("A &amp; B")}},
    )

    job = django.send(translated)

    assert (job["subject"], job["text"], job["html"]) == ("Your order", "Thank you.", "<p>Thank you.</p>")
    assert (job["to"], job["headers"]) == (['"Ann" <ann@example.net>'], {"X-Shop": "north"})
    assert (job["tags"], job["metadata"]) == (["receipt"], {"plan": "gold", "shop": 1})
    assert job["merge_global_data"] == {"shop": {"name": "A &amp; B"}}
    assert job["attachments"][0]["filename"] == "terms.txt"


@pytest.mark.parametrize("fields", [{"to": []}, {"to": [""]}, {"to": [], "cc": [], "bcc": []}])
def test_a_message_without_recipients_is_not_sent(django: Mail, fields: dict[str, Any]) -> None:
    nobodys = message(**fields)
    assert nobodys.send() == 0
    assert django.connection().send_messages([nobodys]) == 0
    assert django.queue.calls == []


def test_recipients_may_be_only_in_bcc(django: Mail) -> None:
    job = django.send(message(to=[], bcc=["ann@example.net"]))
    assert ("to" in job, job["bcc"]) == (False, ["ann@example.net"])


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"to": ["ann@example.net", "no address"]}, "$.to[1]"),
        ({"to": ["Lee, Ann <ann@example.net>"]}, "$.to[0]"),
        ({"cc": ["root@localhost"]}, "$.cc[0]"),
        ({"reply_to": ["<>"]}, "$.reply_to[0]"),
        ({"from_email": "Shop"}, "$.from_email"),
        ({"subject": "Hello\nBcc: everybody@example.net"}, "$.subject"),
        ({"headers": {"X-Shop": "north\r\nBcc: everybody@example.net"}}, "$.headers.X-Shop"),
        ({"headers": {"Return-Path": "bounces"}}, "$.headers.Return-Path"),
        ({"headers": {"Subject": "Another"}}, "$.headers.Subject"),
        ({"headers": {"From": "a@example.com", "from": "b@example.com"}}, "$.headers"),
    ],
)
def test_an_invalid_field_is_refused_at_its_path(django: Mail, fields: dict[str, Any], path: str) -> None:
    assert django.refusal(message(**fields)).path == path


@pytest.mark.parametrize("name", ["reply_to", "tags", "alternatives", "attachments"])
def test_a_string_in_place_of_a_list_is_refused(django: Mail, name: str) -> None:
    wrong = with_attributes(message(), **{name: "ann@example.net"})
    assert "must be a list" in django.refusal(wrong).reason


def test_headers_of_another_type_are_refused(django: Mail) -> None:
    assert "must be" in django.refusal(with_attributes(message(), extra_headers=17)).reason


def test_subject_and_body_may_be_any_value_as_for_django(django: Mail) -> None:
    job = django.send(with_attributes(message(), subject=404, body="Größe".encode()))
    assert (job["subject"], job["text"]) == ("404", "Größe")
    assert django.send(with_attributes(message(), subject=None, body=None))["text"] == ""


def test_anymails_attributes_become_the_jobs_fields(django: Mail) -> None:
    job = django.send(
        with_attributes(
            message(),
            envelope_sender="returns@example.com",
            metadata={"order": 1001, "first": True},
            tags=["receipt", "north"],
            track_opens=True,
            track_clicks=False,
            esp_extra={"ConfigurationSetName": "another"},
            mailbus_job_id="order-1001",
        )
    )
    assert {name: job[name] for name in job if name not in {"to", "from_email", "subject", "text"}} == {
        "job_id": "order-1001",
        "envelope_sender": "returns@example.com",
        "metadata": {"order": 1001, "first": True},
        "tags": ["receipt", "north"],
        "track_opens": True,
        "track_clicks": False,
        "esp_extra": {"ConfigurationSetName": "another"},
    }


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (datetime(2026, 12, 24, 18, tzinfo=timezone(timedelta(hours=2))), "2026-12-24T18:00:00+02:00"),
        (datetime(2026, 12, 24, 18), "2026-12-24T18:00:00+01:00"),  # noqa: DTZ001 - in Django's zone
        (date(2026, 12, 24), "2026-12-24T00:00:00+01:00"),
        (1798131600, 1798131600),
        (1798131600.5, 1798131600.5),
        ("2026-12-24T18:00:00Z", "2026-12-24T18:00:00Z"),
    ],
)
@pytest.mark.parametrize(
    ("attribute", "field"), [("send_at", "send_at"), ("mailbus_expires_at", "expires_at")]
)
def test_times_are_read_as_anymail_does(
    django: Mail, given: object, written: object, attribute: str, field: str
) -> None:
    assert django.send(with_attributes(message(), **{attribute: given}))[field] == written


def test_a_stored_template_is_merged_for_each_recipient(django: Mail) -> None:
    merged = with_attributes(
        EmailMessage(from_email="shop@example.com", to=["ann@example.net", "Bob <bob@example.net>"]),
        template_id="welcome",
        merge_data={"ann@example.net": {"name": "Ann"}, "bob@example.net": {"name": lazystr("Bob")}},
        merge_global_data={"shop": "Example"},
        merge_metadata={"ann@example.net": {"customer": 17}},
        merge_headers={"ann@example.net": {"List-Unsubscribe": "<https://www.example.com/u/17>"}},
    )

    job = django.send(merged)

    assert not {"subject", "text", "html"} & set(job)
    assert job["template_id"] == "welcome"
    assert job["merge_data"] == {"ann@example.net": {"name": "Ann"}, "bob@example.net": {"name": "Bob"}}
    assert job["merge_global_data"] == {"shop": "Example"}
    assert job["merge_metadata"] == {"ann@example.net": {"customer": 17}}
    assert job["merge_headers"] == {"ann@example.net": {"List-Unsubscribe": "<https://www.example.com/u/17>"}}


def test_data_for_somebody_who_is_no_recipient_is_ignored_with_a_line_in_the_log(
    django: Mail, caplog: pytest.LogCaptureFixture
) -> None:
    everybody = {"juergen@EXAMPLE.net": {"name": "Jürgen"}, "Ann <ann@example.net>": {"name": "Ann"}}
    caplog.set_level("INFO", "mailbus.django")

    job = django.send(with_attributes(message(), merge_data=everybody))

    assert job["merge_data"] == {"juergen@EXAMPLE.net": {"name": "Jürgen"}}
    assert caplog.messages == ["merge_data: 1 entries are for no recipient, and ignored"]


def test_empty_merge_data_still_makes_a_message_for_each_recipient(django: Mail) -> None:
    assert django.send(with_attributes(message(), merge_data={}))["merge_data"] == {}


def test_a_subject_over_a_stored_template_is_refused(django: Mail) -> None:
    assert django.refusal(with_attributes(message(body=""), template_id="welcome")).path == "$.subject"


def test_unset_attributes_of_anymails_class_are_absent(django: Mail) -> None:
    job = django.send(Anymail.Message(subject="Hi", body="Hi.", to=["ann@example.net"]))
    assert set(job) == {"job_id", "from_email", "to", "subject", "text"}


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        ({"metadata": {"order": {"nested": 1}}}, "$.metadata.order"),
        ({"metadata": ["order"]}, "$.metadata"),
        ({"tags": [17]}, "$.tags[0]"),
        ({"track_opens": "yes"}, "$.track_opens"),
        ({"send_at": "tomorrow"}, "$.send_at"),
        ({"envelope_sender": "nobody"}, "$.envelope_sender"),
        ({"esp_extra": {"Content": {}}}, "$.esp_extra.Content"),
        ({"merge_data": {"name": {}}}, "$.merge_data"),
        ({"merge_data": {"name": "Ann"}}, "$.merge_data"),
        ({"mailbus_job_id": "no id"}, "$.job_id"),
    ],
)
def test_a_wrong_attribute_is_refused_at_its_field(
    django: Mail, attributes: dict[str, Any], path: str
) -> None:
    assert django.refusal(with_attributes(message(), **attributes)).path.startswith(path)


def test_a_large_message_is_stored_in_the_jobs_bucket(django: Mail) -> None:
    job = django.send(message(attachments=[("film.bin", b"\x00" * 2_000_000, "application/octet-stream")]))
    assert set(job) == {"job_id", "content_ref"}
    assert len(django.bucket.objects) == 1


def parsed(raw: bytes) -> PythonMessage:
    return BytesParser(policy=email.policy.default).parsebytes(raw)


def shown(mime: PythonMessage) -> dict[str, Any]:
    """What a reader of a mail sees."""
    leaves = [part for part in mime.walk() if not part.is_multipart()]
    return {
        "headers": {
            name: [(address.display_name, address.addr_spec) for address in cast("Any", mime[name]).addresses]
            for name in ("From", "To", "Cc", "Reply-To")
            if mime[name] is not None
        },
        "subject": mime["Subject"],
        "shop": mime["X-Shop"],
        "parts": sorted(
            (
                part.get_content_type(),
                part.get_filename() or "",
                part["Content-ID"] or "",
                cast("bytes", part.get_payload(decode=True)).replace(b"\r\n", b"\n").rstrip(b"\n"),
            )
            for part in leaves
        ),
    }


def with_image() -> EmailMultiAlternatives:
    image = MIMEImage(PNG, "png")
    image.add_header("Content-Disposition", "inline", filename="logo.png")
    image.add_header("Content-ID", "<logo@inline>")
    return message(alternatives=[('<p><img src="cid:logo@inline"></p>', "text/html")], attachments=[image])


@pytest.mark.parametrize(
    "original",
    [
        message(),
        message(subject="Grüße: 12 €", body="Zwölf Boxkämpfer.\n" * 30, from_email="Zoë <zoe@example.com>"),
        message(cc=['"Lee, Ann" <ann@example.net>'], reply_to=["a@example.com", "b@example.com"]),
        message(alternatives=[("<p>Hello.</p>", "text/html")]),
        message(body="", alternatives=[("<p>Hello.</p>", "text/html")]),
        message(headers={"To": "Readers <list@example.com>", "X-Shop": "north"}),
        message(headers={"From": "Other <other@example.com>"}),
        message(
            attachments=[
                ("übersicht.csv", "größe;1\n", "text/csv"),
                ("a.pdf", b"%PDF\x00", "application/pdf"),
            ]
        ),
        with_image(),
    ],
)
def test_the_mail_that_is_sent_shows_what_djangos_own_would(
    django: Mail, original: EmailMultiAlternatives
) -> None:
    job = parse_document(django.send(original), "job")
    assert shown(parsed(build_message(job, metadata_in_headers=True))) == shown(
        parsed(original.message().as_bytes())
    )

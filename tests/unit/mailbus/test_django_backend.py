from __future__ import annotations

import base64
import email.policy
from datetime import date, datetime, timedelta, timezone
from email.message import EmailMessage as PythonMessage
from email.message import MIMEPart
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.text import MIMEText
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError
from django.conf import settings as project
from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe

from mailbus import Client
from mailbus.django import EmailBackend
from mailbus.django.backend import _process_client
from mailbus.errors import ConfigurationError, InvalidJob, MailbusError, SendError, UnsupportedFeature
from mailbus.jobs.parsing import parse_document
from sender.ses.mime import build_message
from tests.unit.mailbus.fake_deployment import QUEUE, Bucket, Queue

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

if not project.configured:
    project.configure(
        DEFAULT_FROM_EMAIL="Shop <shop@example.com>",
        USE_TZ=True,
        TIME_ZONE="Europe/Berlin",
        EMAIL_BACKEND="mailbus.django.EmailBackend",
    )

BACKEND = "mailbus.django.EmailBackend"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAHElEQVR42mP4TyJgGOQaRKIWYEWjGuirYYimJQADmoFfND6HVQAA"
    "AABJRU5ErkJggg=="
)


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


class Mail:
    """Django with the backend, on a queue in memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.queue = Queue()
        self.bucket = Bucket()
        self.bulk_queue = Queue()
        self.client = Client(QUEUE, sqs=self.queue.client, s3=self.bucket.client, sleep=lambda _: None)
        self.bulk_client = Client(QUEUE, sqs=self.bulk_queue.client, sleep=lambda _: None)
        self._monkeypatch = monkeypatch

    def setting(self, name: str, value: object) -> None:
        self._monkeypatch.setattr(project, name, value, raising=False)

    def connection(self, **options: Any) -> EmailBackend:
        connection = mail.get_connection(BACKEND, **{"client": self.client, **options})
        assert isinstance(connection, EmailBackend)
        return connection

    def send(self, message: EmailMessage, **options: Any) -> dict[str, Any]:
        """Send one message as applications do; the answer is the job on the queue."""
        message.connection = self.connection(**options)
        assert message.send() == 1
        job: dict[str, Any] = self.queue.jobs[-1]
        return job

    def refusal(self, message: EmailMessage, **options: Any) -> InvalidJob:
        message.connection = self.connection(**options)
        with pytest.raises(InvalidJob) as refused:
            message.send()
        assert self.queue.jobs == []
        return refused.value


@pytest.fixture
def django(monkeypatch: pytest.MonkeyPatch) -> Mail:
    # as a process of its own
    _process_client.cache_clear()
    return Mail(monkeypatch)


def message(**fields: Any) -> EmailMultiAlternatives:
    return EmailMultiAlternatives(
        **{
            "subject": "Your order 1001",
            "body": "It is on its way.",
            "to": ["Jürgen Müller <juergen@example.net>"],
            **fields,
        }
    )


def with_attributes(target: EmailMessage, **attributes: Any) -> EmailMessage:
    """Set what Anymail adds, as its documentation does it on any message."""
    for name, value in attributes.items():
        setattr(target, name, value)
    return target


def noting(made: list[str], client: Client) -> Callable[[str], Client]:
    """Stand for the class of clients, and note for which queues it was asked."""

    def make(url: str) -> Client:
        made.append(url)
        return client

    return make


# --- Django's own messages


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


def test_send_mail_opens_the_backend_of_the_settings(django: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    django.setting("MAILBUS", {"QUEUE_URL": QUEUE})
    monkeypatch.setattr("mailbus.django.backend.Client", lambda url: django.client if url == QUEUE else None)

    assert mail.send_mail("Hello", "Hello.", None, ["ann@example.net"], auth_user="u", auth_password="p") == 1
    assert len(django.queue.jobs) == 1


@pytest.mark.parametrize(
    ("fields", "text", "html"),
    [
        ({"body": "Hello."}, "Hello.", None),
        ({"body": "Hello.", "alternatives": [("<p>Hello.</p>", "text/html")]}, "Hello.", "<p>Hello.</p>"),
        ({"body": "", "alternatives": [("<p>Hello.</p>", "text/html")]}, None, "<p>Hello.</p>"),
        ({"body": "", "alternatives": [("Hello.", "text/plain"), ("<p/>", "text/html")]}, "Hello.", "<p/>"),
        ({"body": "", "attachments": [("a.bin", b"\x00", None)]}, None, None),
        ({"body": ""}, "", None),
        (
            {"body": "Hello.", "alternatives": [(b"<p>Hi</p>", "Text/HTML; charset=utf-8")]},
            "Hello.",
            "<p>Hi</p>",
        ),
    ],
)
def test_bodies_are_where_django_would_show_them(
    django: Mail, fields: dict[str, Any], text: str | None, html: str | None
) -> None:
    job = django.send(message(**fields))
    assert (job.get("text"), job.get("html")) == (text, html)


@pytest.mark.parametrize(
    ("body", "alternatives", "expected"),
    [
        ("<p>Hello.</p>", [], (None, "<p>Hello.</p>")),
        ("<p>Hello.</p>", [("Hello.", "text/plain")], ("Hello.", "<p>Hello.</p>")),
        ("", [], (None, "")),
    ],
)
def test_a_body_may_be_html(
    django: Mail, body: str, alternatives: list[tuple[str, str]], expected: tuple[str | None, str]
) -> None:
    html = message(body=body, alternatives=alternatives)
    html.content_subtype = "html"
    job = django.send(html)
    assert (job.get("text"), job.get("html")) == expected


def test_other_alternatives_stay_alternatives(django: Mail) -> None:
    invited = message()
    invited.attach_alternative("<!doctype html><html amp4email></html>", "text/x-amp-html")
    invited.attach_alternative("<p>Come.</p>", "text/html")
    invited.attach_alternative("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "text/calendar; method=REQUEST")

    job = django.send(invited)

    assert job["html"] == "<p>Come.</p>"
    assert [part["content_type"] for part in job["alternatives"]] == [
        "text/x-amp-html",
        "text/calendar; method=REQUEST",
    ]


def test_a_second_html_is_refused(django: Mail) -> None:
    twice = message(alternatives=[("<p>One.</p>", "text/html"), ("<p>Two.</p>", "text/html")])
    assert django.refusal(twice).path.startswith("$.alternatives[0]")


def test_an_alternative_that_is_no_text_is_refused(django: Mail) -> None:
    binary = message(alternatives=[(b"\xff\xfe", "text/x-amp-html")])
    assert django.refusal(binary).path == "$.alternatives[0].content"


def test_lazy_and_safe_strings_are_what_they_say(django: Mail) -> None:
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


# --- recipients


@pytest.mark.parametrize("fields", [{"to": []}, {"to": [""]}, {"to": [], "cc": [], "bcc": []}])
def test_a_message_without_recipients_is_not_sent(django: Mail, fields: dict[str, Any]) -> None:
    nobodys = message(**fields)
    assert nobodys.send() == 0
    assert django.connection().send_messages([nobodys]) == 0
    assert django.queue.calls == []


def test_recipients_may_be_in_bcc_alone(django: Mail) -> None:
    job = django.send(message(to=[], bcc=["ann@example.net"]))
    assert ("to" in job, job["bcc"]) == (False, ["ann@example.net"])


def test_one_string_may_hold_several_addresses_as_for_smtp(django: Mail) -> None:
    job = django.send(message(to=['"Lee, Ann" <ann@example.net>, bob@example.net', ""]))
    assert job["to"] == ['"Lee, Ann" <ann@example.net>', "bob@example.net"]


@pytest.mark.parametrize(
    "name", ['Ann "the boss" Lee', "Lee, Ann", "back\\slash", "Ann (Sales)", "=?utf-8?q?Z=C3=AB?="]
)
def test_a_name_stays_what_it_is(django: Mail, name: str) -> None:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    job = django.send(message(to=[f'"{escaped}" <ann@example.net>']))
    (read,) = parse_document(job, "job").to
    assert (read.name, read.address) == (name, "ann@example.net")


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
        ({"headers": {"Message-ID": "<1@example.com>"}}, "$.headers.Message-ID"),
        ({"headers": {"Subject": "Another"}}, "$.headers.Subject"),
        ({"headers": {"From": "a@example.com", "from": "b@example.com"}}, "$.headers"),
    ],
)
def test_what_cannot_be_sent_is_refused_at_its_field(django: Mail, fields: dict[str, Any], path: str) -> None:
    assert django.refusal(message(**fields)).path == path


@pytest.mark.parametrize("name", ["reply_to", "tags", "alternatives", "attachments"])
def test_a_string_in_place_of_a_list_is_refused(django: Mail, name: str) -> None:
    wrong = with_attributes(message(), **{name: "ann@example.net"})
    assert "must be a list" in django.refusal(wrong).reason


@pytest.mark.parametrize("name", ["extra_headers", "subject", "body"])
def test_an_attribute_of_another_type_is_refused(django: Mail, name: str) -> None:
    assert "must be" in django.refusal(with_attributes(message(), **{name: 17})).reason


# --- headers that say who and to whom


def test_a_from_header_is_shown_and_from_email_gets_the_bounces(django: Mail) -> None:
    job = django.send(
        message(from_email="Bounces <bounces@example.com>", headers={"from": "Shop <shop@example.com>"})
    )
    assert job["from_email"] == ['"Shop" <shop@example.com>']
    assert job["envelope_sender"] == "bounces@example.com"
    assert "headers" not in job


def test_an_envelope_sender_of_its_own_goes_before(django: Mail) -> None:
    job = django.send(
        with_attributes(
            message(from_email="bounces@example.com", headers={"From": "shop@example.com"}),
            envelope_sender="Returns <returns@example.com>",
        )
    )
    assert job["envelope_sender"] == "returns@example.com"


def test_a_to_header_is_shown_and_receives_nothing(django: Mail) -> None:
    job = django.send(message(headers={"To": "Our readers <list@example.com>"}))
    assert job["to"] == ['"Jürgen Müller" <juergen@example.net>']
    assert job["headers"] == {"To": "Our readers <list@example.com>"}


@pytest.mark.parametrize("name", ["Reply-To", "reply-to"])
def test_a_reply_to_header_goes_before_the_attribute(django: Mail, name: str) -> None:
    job = django.send(message(reply_to=["a@example.com"], headers={name: "b@example.com, c@example.com"}))
    assert job["reply_to"] == ["b@example.com", "c@example.com"]


def test_a_cc_header_that_says_what_cc_says_is_no_header(django: Mail) -> None:
    job = django.send(message(cc=["Ann <ann@example.net>"], headers={"Cc": "ann@EXAMPLE.net"}))
    assert ("headers" in job, job["cc"]) == (False, ['"Ann" <ann@example.net>'])


def test_a_cc_header_that_says_anything_else_is_refused(django: Mail) -> None:
    assert django.refusal(message(headers={"Cc": "ann@example.net"})).path == "$.headers.Cc"


def test_from_email_may_name_several(django: Mail) -> None:
    job = django.send(message(from_email="Ann <ann@example.com>, Bob <bob@example.com>"))
    assert job["from_email"] == ['"Ann" <ann@example.com>', '"Bob" <bob@example.com>']


# --- files


def test_files_come_as_tuples_of_text_and_of_bytes(django: Mail, tmp_path: Path) -> None:
    path = tmp_path / "übersicht.csv"
    path.write_bytes("größe;1\r\n".encode())
    filed = message()
    filed.attach("notes.txt", "Zwölf", "text/plain")
    filed.attach("data.bin", b"\x00\xff", "application/octet-stream")
    filed.attach("latin.txt", "Zwölf".encode("latin-1"), "text/plain")
    filed.attach("order.json", '{"n": "ü"}', "application/json")
    filed.attach("page.html", b"<p>")
    filed.attach_file(str(path))
    filed.attachments.append(("bare.pdf", b"%PDF"))

    files = django.send(filed)["attachments"]

    assert [(f["filename"], f["content_type"], base64.b64decode(f["content"])) for f in files] == [
        ("notes.txt", "text/plain; charset=utf-8", "Zwölf".encode()),
        ("data.bin", "application/octet-stream", b"\x00\xff"),
        ("latin.txt", "application/octet-stream", "Zwölf".encode("latin-1")),
        ("order.json", "application/json", '{"n": "ü"}'.encode()),
        ("page.html", "text/html; charset=utf-8", b"<p>"),
        ("übersicht.csv", "text/csv; charset=utf-8", "größe;1\r\n".encode()),
        ("bare.pdf", "application/pdf", b"%PDF"),
    ]


def test_an_image_with_a_content_id_is_inline(django: Mail) -> None:
    image = MIMEImage(PNG, "png")
    image.add_header("Content-Disposition", "inline", filename="logo.png")
    image.add_header("Content-ID", "<logo.1@inline>")
    illustrated = message(alternatives=[('<img src="cid:logo.1@inline">', "text/html")])
    illustrated.attach(image)
    illustrated.mixed_subtype = "related"

    (file,) = django.send(illustrated)["attachments"]

    assert base64.b64decode(file.pop("content")) == PNG
    assert file == {
        "filename": "logo.png",
        "content_type": "image/png",
        "content_id": "logo.1@inline",
        "disposition": "inline",
    }


def test_an_image_of_pythons_newer_kind_is_inline_too(django: Mail) -> None:
    image = MIMEPart()
    image.set_content(
        PNG, maintype="image", subtype="png", disposition="inline", cid="<logo@inline>", filename="ü.png"
    )
    illustrated = message()
    illustrated.attachments.append(image)

    (file,) = django.send(illustrated)["attachments"]

    assert base64.b64decode(file.pop("content")) == PNG
    assert file == {
        "filename": "ü.png",
        "content_type": "image/png",
        "content_id": "logo@inline",
        "disposition": "inline",
    }


def test_a_mime_part_keeps_its_bytes_and_what_its_type_says(django: Mail) -> None:
    calendar = MIMEText("BEGIN:VCALENDAR\r\nSUMMARY:Zwölf\r\nEND:VCALENDAR\r\n", "calendar", "iso-8859-1")
    calendar.set_param("method", "REQUEST")
    calendar.set_param("name", "invite.ics")
    calendar.add_header("Content-Disposition", "attachment", filename="invite.ics")
    invited = message()
    invited.attach(calendar)

    (file,) = django.send(invited)["attachments"]

    assert "Zwölf".encode("latin-1") in base64.b64decode(file["content"])
    assert file["content_type"] == 'text/calendar; charset="iso-8859-1"; method="REQUEST"'
    assert (file["filename"], file["disposition"]) == ("invite.ics", "attachment")


@pytest.mark.parametrize(
    ("attachment", "path"),
    [
        ((None, b"x", "text/csv"), "$.attachments[0]"),
        (("a.eml", EmailMessage("Inner", "Hello."), None), "$.attachments[0].content_type"),
        (("a.eml", PythonMessage(), "message/rfc822"), "$.attachments[0].content_type"),
        (("a.txt", "half \ud83d", "text/plain"), "$.attachments[0].content"),
        (("a.txt", 17, "text/plain"), "$.attachments[0].content"),
        ((17, b"x", "text/plain"), "$.attachments[0].filename"),
        (("a.txt",), "$.attachments[0]"),
        (17, "$.attachments[0]"),
    ],
)
def test_a_file_that_a_job_cannot_carry_is_refused(django: Mail, attachment: Any, path: str) -> None:
    filed = message()
    filed.attachments.append(attachment)
    assert django.refusal(filed).path.startswith(path)


def test_a_part_with_headers_of_its_own_is_refused_with_the_header(django: Mail) -> None:
    part = MIMEBase("application", "pdf")
    part.set_payload(b"%PDF")
    part.add_header("Content-Description", "Invoice")
    filed = message()
    filed.attach(part)

    refused = django.refusal(filed)

    assert isinstance(refused, UnsupportedFeature)
    assert refused.feature == "Content-Description"


class Signed(EmailMultiAlternatives):
    def message(self, **options: Any) -> Any:
        """Sign it, as packages for S/MIME do."""
        return super().message(**options)


def test_a_message_that_makes_its_own_mime_is_refused(django: Mail) -> None:
    refused = django.refusal(Signed("Signed", "Hello.", to=["ann@example.net"]))
    assert isinstance(refused, UnsupportedFeature)


@pytest.mark.parametrize(("name", "value"), [("mixed_subtype", "report"), ("alternative_subtype", "related")])
def test_an_order_of_parts_that_a_job_does_not_have_is_refused(django: Mail, name: str, value: str) -> None:
    assert isinstance(django.refusal(with_attributes(message(), **{name: value})), UnsupportedFeature)


# --- Anymail's attributes


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


def test_empty_merge_data_still_makes_a_message_for_each_recipient(django: Mail) -> None:
    assert django.send(with_attributes(message(), merge_data={}))["merge_data"] == {}


def test_a_subject_over_a_stored_template_is_refused(django: Mail) -> None:
    assert django.refusal(with_attributes(message(body=""), template_id="welcome")).path == "$.subject"


def test_what_anymails_own_class_left_unset_is_not_there(django: Mail) -> None:
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
        ({"merge_data": {"stranger@example.net": {}}}, "$.merge_data"),
        ({"mailbus_job_id": "no id"}, "$.job_id"),
    ],
)
def test_a_wrong_attribute_is_refused_at_its_field(
    django: Mail, attributes: dict[str, Any], path: str
) -> None:
    assert django.refusal(with_attributes(message(), **attributes)).path.startswith(path)


# --- settings


def test_send_defaults_are_combined_with_the_messages_own(django: Mail) -> None:
    django.setting("ANYMAIL", {"SEND_DEFAULTS": {"tags": ["general"], "track_opens": True}})
    django.setting(
        "MAILBUS",
        {
            "SEND_DEFAULTS": {
                "tags": ["shop"],
                "metadata": {"stage": "prod", "order": 0},
                "esp_extra": {"ListManagementOptions": {"ContactListName": "news", "TopicName": "all"}},
                "merge_metadata": {"juergen@example.net": {"a": 1, "b": 1}},
                "bcc": ["archive@example.org"],
                "extra_headers": {"X-Shop": "north"},
            }
        },
    )
    own = with_attributes(message(bcc=["ann@example.net"]), tags=["receipt"], metadata={"order": 1001})

    job = django.send(with_attributes(own, merge_metadata=None, esp_extra={"TenantName": "shop"}))

    assert job["tags"] == ["shop", "receipt"]
    assert job["metadata"] == {"stage": "prod", "order": 1001}
    assert job["esp_extra"] == {
        "ListManagementOptions": {"ContactListName": "news", "TopicName": "all"},
        "TenantName": "shop",
    }
    assert job["bcc"] == ["archive@example.org", "ann@example.net"]
    assert (job["headers"], job["track_opens"]) == ({"X-Shop": "north"}, True)
    assert "merge_metadata" not in job


def test_combining_changes_neither_the_settings_nor_the_message(django: Mail) -> None:
    defaults: dict[str, Any] = {"esp_extra": {"ListManagementOptions": {"TopicName": "all"}}, "tags": ["a"]}
    django.setting("MAILBUS", {"SEND_DEFAULTS": defaults})
    own = with_attributes(
        message(), esp_extra={"ListManagementOptions": {"ContactListName": "x"}}, tags=["b"]
    )

    job = django.send(own)

    assert job["esp_extra"] == {"ListManagementOptions": {"ContactListName": "x", "TopicName": "all"}}
    assert defaults == {"esp_extra": {"ListManagementOptions": {"TopicName": "all"}}, "tags": ["a"]}
    assert own.tags == ["b"]  # type: ignore[attr-defined] # Anymail's attribute


@pytest.mark.parametrize(
    "settings",
    [
        {"ANYMAIL": {"AMAZON_SES_SEND_DEFAULTS": {"tags": ["ses"]}, "SEND_DEFAULTS": {"tags": ["all"]}}},
        {"ANYMAIL_AMAZON_SES_SEND_DEFAULTS": {"tags": ["ses"]}},
        {"ANYMAIL_SEND_DEFAULTS": {"tags": ["ses"]}},
        {"ANYMAIL_SEND_DEFAULTS": {"tags": ["all"]}, "MAILBUS": {"SEND_DEFAULTS": {"tags": ["ses"]}}},
    ],
)
def test_anymails_settings_hold_here_too(django: Mail, settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        django.setting(name, value)
    assert django.send(message())["tags"] == ["ses"]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"MAILBUS": {"QUEUE": QUEUE}}, r"MAILBUS\['QUEUE'\]"),
        ({"MAILBUS": {"SEND_DEFAULTS": {"tag": ["a"]}}}, r"MAILBUS\['SEND_DEFAULTS'\]: 'tag'"),
        ({"MAILBUS": {"SEND_DEFAULTS": ["tags"]}}, "must be a dict"),
        ({"ANYMAIL_SEND_DEFAULTS": {"subject": "Hi"}}, "ANYMAIL_SEND_DEFAULTS: 'subject'"),
    ],
)
def test_a_wrong_setting_is_named(django: Mail, settings: dict[str, Any], named: str) -> None:
    for name, value in settings.items():
        django.setting(name, value)
    with pytest.raises(ConfigurationError, match=named):
        django.connection()


def test_the_queues_url_comes_from_the_settings_or_the_environment(
    django: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr("mailbus.django.backend.Client", noting(made, django.client))
    base = "https://sqs.eu-west-1.amazonaws.com/210987654321"

    monkeypatch.setenv("MAILBUS_QUEUE_URL", f"{base}/environment")
    mail.get_connection(BACKEND).send_messages([message()])
    django.setting("MAILBUS_QUEUE_URL", f"{base}/setting")
    mail.get_connection(BACKEND).send_messages([message()])
    django.setting("MAILBUS", {"QUEUE_URL": f"{base}/table"})
    mail.get_connection(BACKEND).send_messages([message()])
    mail.get_connection(BACKEND, queue_url=f"{base}/option").send_messages([message()])

    assert [url.rpartition("/")[2] for url in made] == ["environment", "setting", "table", "option"]


def test_a_process_makes_one_client_of_a_queue(django: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr("mailbus.django.backend.Client", noting(made, django.client))
    url = "https://sqs.eu-west-1.amazonaws.com/210987654321/one-client"

    for _ in range(3):
        mail.get_connection(BACKEND, queue_url=url).send_messages([message()])

    assert made == [url]


def test_without_the_queues_url_the_backend_says_where_to_write_it() -> None:
    with pytest.raises(ConfigurationError, match=r"MAILBUS = .*QUEUE_URL.*SendQueueUrl"):
        mail.get_connection(BACKEND)


# --- many messages, failures, lanes


def test_many_messages_go_in_batches_and_are_counted(django: Mail) -> None:
    messages = [message(to=[f"reader{n}@example.net"]) for n in range(12)]
    assert django.connection().send_messages([*messages, message(to=[])]) == 12
    assert django.queue.calls == [10, 2]


def test_no_messages_are_nothing(django: Mail) -> None:
    assert django.connection().send_messages([]) == 0


def test_the_status_is_anymails(django: Mail) -> None:
    sent = with_attributes(
        message(to=["Ann <ann@example.net>"], cc=["bob@example.net"]), mailbus_job_id="order-1001"
    )
    django.send(sent)

    status = sent.anymail_status  # type: ignore[attr-defined] # Anymail's attribute
    assert (status.message_id, status.status) == ("order-1001", {"queued"})
    assert status.status.issubset({"queued", "sent"})
    assert {address: (one.status, one.message_id) for address, one in status.recipients.items()} == {
        "ann@example.net": ("queued", "order-1001"),
        "bob@example.net": ("queued", "order-1001"),
    }
    assert status.esp_response.message_id == "message-1"


def test_an_error_stops_no_other_message_and_the_first_is_raised(django: Mail) -> None:
    messages = [
        message(),
        message(to=["no address"]),
        message(to=["ann@example.net"], subject="two\nlines"),
        message(),
    ]

    with pytest.raises(InvalidJob) as raised:
        django.connection().send_messages(messages)

    assert raised.value.path == "$.to[0]"
    assert len(django.queue.jobs) == 2
    assert [one.anymail_status.status for one in messages] == [{"queued"}, None, None, {"queued"}]  # type: ignore[attr-defined] # Anymail's attribute


def test_fail_silently_counts_what_was_sent(django: Mail) -> None:
    connection = django.connection(fail_silently=True)
    assert connection.send_messages([message(), message(to=["no address"]), message()]) == 2


def test_a_queue_that_cannot_be_reached_is_an_error_unless_it_is_to_be_silent(django: Mail) -> None:
    django.queue.outages = [EndpointConnectionError(endpoint_url=QUEUE)] * 2

    with pytest.raises(SendError):
        django.connection().send_messages([message()])
    assert django.connection(fail_silently=True).send_messages([message()]) == 0


def test_bulk_messages_take_their_own_lane(django: Mail) -> None:
    bulk = [with_attributes(message(), mailbus_bulk=True) for _ in range(3)]
    connection = django.connection(bulk_client=django.bulk_client)

    assert connection.send_messages([message(), *bulk, message()]) == 5
    assert (len(django.queue.jobs), len(django.bulk_queue.jobs)) == (2, 3)


@pytest.mark.parametrize("silently", [True, False])
def test_the_bulk_lane_has_to_be_set_up(django: Mail, *, silently: bool) -> None:
    bulk = with_attributes(message(), mailbus_bulk=True)
    connection = django.connection(fail_silently=silently)
    if silently:
        assert connection.send_messages([bulk, message()]) == 1
    else:
        with pytest.raises(ConfigurationError, match="BulkQueueUrl"):
            connection.send_messages([bulk])


def test_a_connection_may_be_held_open_over_several_messages(django: Mail) -> None:
    with django.connection() as connection:
        connection.send_messages([message()])
        connection.send_messages([message()])
    assert connection.open() is False
    assert len(django.queue.jobs) == 2


def test_a_large_message_goes_to_the_jobs_bucket(django: Mail) -> None:
    job = django.send(message(attachments=[("film.bin", b"\x00" * 2_000_000, "application/octet-stream")]))
    assert set(job) == {"job_id", "content_ref"}
    assert len(django.bucket.objects) == 1


# --- as Django itself would have sent it


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
def test_the_composed_mail_shows_what_djangos_own_would(
    django: Mail, original: EmailMultiAlternatives
) -> None:
    job = parse_document(django.send(original), "job")
    assert shown(parsed(build_message(job, metadata_in_headers=True))) == shown(
        parsed(original.message().as_bytes())
    )


def test_what_is_raised_is_of_the_one_tree_of_errors(django: Mail) -> None:
    with pytest.raises(MailbusError):
        django.connection().send_messages([message(to=["no address"])])

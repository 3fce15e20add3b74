from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.errors import InvalidJob
from mailbus.events import Mailbox
from mailbus.jobs.contract import Alternative, S3Object
from mailbus.jobs.job import envelopes
from mailbus.jobs.parsing import job_id_in_body, parse_job

SQS_ID = "0f3c8a7e-2d1b-4f6a-9c5e-7b8d9e0f1a2b"
EXAMPLES = Path(__file__).parents[4] / "examples" / "jobs"
PDF = base64.b64encode(b"%PDF-1.4 an invoice").decode()


def job(**fields: Any) -> dict[str, Any]:
    return {
        "job_id": "welcome-1",
        "from_email": "Example <hello@example.com>",
        "to": ["ann@example.org"],
        "subject": "Welcome",
        "text": "Hello Ann",
    } | fields


def refusal(document: dict[str, Any] | str) -> InvalidJob:
    body = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(InvalidJob) as refused:
        parse_job(body, SQS_ID)
    return refused.value


def attached(**fields: Any) -> dict[str, Any]:
    part = {"filename": "invoice.pdf", "content_type": "application/pdf", "content": PDF} | fields
    return job(attachments=[{name: value for name, value in part.items() if value is not None}])


def form(content_type: str) -> dict[str, Any]:
    return job(alternatives=[{"content": "BEGIN:VCALENDAR", "content_type": content_type}])


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_the_examples_are_jobs_but_for_the_one_that_shows_a_mistake(path: Path) -> None:
    body = path.read_text(encoding="utf-8")
    if path.stem == "invalid":
        assert refusal(body).reason == "is unknown; did you mean 'subject'?"
    else:
        assert parse_job(body, SQS_ID).job_id.startswith(path.stem)


def test_a_whole_job_is_read_into_values() -> None:
    read = parse_job(
        json.dumps(
            job(
                schema_version=1,
                cc="Bob <bob@example.org>",
                bcc=["archive@example.org"],
                reply_to=["support@example.com"],
                html="<p>Hello</p>",
                headers={"X-Team": " platform ", "To": "Everyone <all@example.org>"},
                attachments=[{"content": PDF, "content_id": "<logo>", "content_type": "image/png"}],
                tags=["welcome", "größer"],
                metadata={"user": 17, "ratio": 0.5, "trial": False, "plan": None, "name": "Zoë"},
            )
        ),
        SQS_ID,
    )
    assert read.from_email == (Mailbox(name="Example", address="hello@example.com"),)
    assert read.cc == (Mailbox(name="Bob", address="bob@example.org"),)
    assert read.shown_to == (Mailbox(name="Everyone", address="all@example.org"),)
    assert read.headers == (("X-Team", "platform"),)
    assert read.attachments[0].content == b"%PDF-1.4 an invoice"
    assert (read.attachments[0].content_id, read.attachments[0].disposition) == ("logo", "inline")
    assert read.metadata == {"user": 17, "ratio": 0.5, "trial": False, "plan": None, "name": "Zoë"}
    assert envelopes(read)[0].recipients == ("ann@example.org", "bob@example.org", "archive@example.org")


def test_a_job_without_an_id_is_named_by_its_sqs_message() -> None:
    document = job()
    del document["job_id"]
    assert parse_job(json.dumps(document), SQS_ID).job_id == SQS_ID


def test_an_address_that_stands_several_times_receives_once() -> None:
    document = job(
        to=["ann@example.org", "Ann <ann@EXAMPLE.org>"],
        cc=["ann@example.org", "Ann@example.org"],
        bcc=["bob@example.org"],
    )
    receivers = envelopes(parse_job(json.dumps(document), SQS_ID))[0]
    assert (receivers.to, receivers.cc, receivers.bcc) == (
        ("ann@example.org",),
        ("Ann@example.org",),
        ("bob@example.org",),
    )


def test_fifty_recipients_are_taken_and_one_more_is_refused() -> None:
    fifty = [f"reader{number}@example.org" for number in range(50)]
    assert len(envelopes(parse_job(json.dumps(job(to=fifty, cc=fifty)), SQS_ID))[0].recipients) == 50
    assert "51 recipients" in refusal(job(to=fifty, bcc=["one-more@example.org"])).reason


def test_an_empty_mail_is_sent_when_it_is_asked_for() -> None:
    assert parse_job(json.dumps(job(text="")), SQS_ID).text == ""


WRONG = [
    (job(subjet="x"), "$.subjet", "did you mean 'subject'?"),
    (job(replyTo="x"), "$.replyTo", "did you mean 'reply_to'?"),
    (job(zzz=1), "$.zzz", "valid names are"),
    (job(sender="a@example.com"), "$.sender", "use from_email or headers.Sender"),
    (job(body="Hello"), "$.body", "use text or html"),
    (job(Message="Hello"), "$.Message", "use text or html"),
    (job(content="Hello"), "$.content", "use text or html"),
    (job(recipients=["a@example.org"]), "$.recipients", "use to"),
    (job(ConfigurationSetName="x"), "$.ConfigurationSetName", "use esp_extra.ConfigurationSetName"),
    (job(configuration_set="x"), "$.configuration_set", "use esp_extra.ConfigurationSetName"),
    (job(**{"two words": 1}), "$['two words']", "is unknown"),
    (job(**{"\ud800": 1}), "$['\\ud800']", "surrogate"),
    (job(subject=17), "$.subject", "must be a string, not an integer"),
    (job(text=["a"]), "$.text", "must be a string, not an array"),
    (job(to={"a": 1}), "$.to", "must be a string or an array, not an object"),
    (job(to=["ann@example.org", 17]), "$.to[1]", "must be a string, not an integer"),
    (job(to=["ann@example.org", "bob"]), "$.to[1]", "no @"),
    (job(to="a@example.org, b@example.org"), "$.to", "more than one address"),
    (job(to=[]), "$.to", "has no recipients"),
    (job(from_email=[]), "$.from_email", "is missing"),
    (job(from_email="nobody"), "$.from_email", "no @"),
    (job(job_id="no spaces"), "$.job_id", "A-Z a-z 0-9"),
    (job(job_id=""), "$.job_id", "A-Z a-z 0-9"),
    (job(job_id="x" * 129), "$.job_id", "128"),
    (job(job_id="line\n"), "$.job_id", "A-Z a-z 0-9"),
    (job(job_id=1), "$.job_id", "must be a string"),
    (job(schema_version=2), "$.schema_version", "must be 1, not 2"),
    (job(schema_version="1"), "$.schema_version", "must be the integer 1, not a string"),
    (job(schema_version=True), "$.schema_version", "must be the integer 1, not a boolean"),
    (job(tags="news"), "$.tags", "must be an array, not a string"),
    (job(tags=["a", 1]), "$.tags[1]", "must be a string"),
    (job(tags=[" "]), "$.tags[0]", "empty tag"),
    (job(tags=["campaign-2026"] * 5000), "$.tags", "fewer or shorter"),
    (job(metadata=[1]), "$.metadata", "must be an object, not an array"),
    (
        job(metadata={"a": {"b": 1}}),
        "$.metadata.a",
        "must be a string or a number or a boolean, not an object",
    ),
    (job(metadata={"a": 2**64}), "$.metadata.a", "more than 64 bits"),
    (job(metadata={"a": float("inf")}), "$.metadata.a", "not a finite number"),
    (job(metadata={"a": float("nan")}), "$.metadata.a", "not a finite number"),
    (job(metadata={"a": "\udc00"}), "$.metadata.a", "surrogate"),
    (job(metadata={"a": "x" * 70_000}), "$.metadata", "bytes as JSON"),
    (job(subject="a\ud800b"), "$.subject", "half of a surrogate pair (\\ud800)"),
    (job(text="\udfff"), "$.text", "surrogate"),
    (job(subject="a\r\nBcc: eve@example.org"), "$.subject", "carriage return"),
    (job(tags=["a\nb"]), "$.tags[0]", "line feed"),
    (job(headers={"X-A": "a\0b"}), "$.headers.X-A", "NUL"),
    (job(headers={"X-A": "a\nb"}), "$.headers.X-A", "line feed"),
    (job(headers={"X-A": 1}), "$.headers.X-A", "must be a string"),
    (job(headers={"X-A": "x" * 32_769}), "$.headers.X-A", "a header has at most 32768"),
    (job(subject="x" * 32_769), "$.subject", "a header has at most 32768"),
    (job(headers={"X-A": None}), "$.headers.X-A", "must be a string, not null"),
    (job(headers={"X A": "b"}), "$.headers['X A']", "not a header name"),
    (job(headers={"X-A:": "b"}), "$.headers['X-A:']", "not a header name"),
    (job(headers={"X-A\r\nBcc": "b"}), "$.headers['X-A\\r\\nBcc']", "not a header name"),
    (job(headers={"X-É": "b"}), "$.headers['X-\\xc9']", "not a header name"),
    (job(headers={"": "b"}), "$.headers['']", "not a header name"),
    (job(headers={"X-A": "1", "x-a": "2"}), "$.headers.x-a", "is a duplicate"),
    (job(headers={"To": "nobody"}), "$.headers.To", "no @"),
    (job(headers={"To": "undisclosed-recipients:;"}), "$.headers.To", "must not be a group"),
    (job(headers={"To": "a@example.org; b@example.org"}), "$.headers.To", "separate addresses with commas"),
    (job(headers={"To": "a@[IPv6:2001:db8::1]"}), "$.headers.To", "IP address as its domain"),
    (job(headers={"Sender": "a@example.com, b@example.com"}), "$.headers.Sender", "more than one"),
    (
        job(from_email=["a@example.com", "b@example.com"], headers={"Sender": "a@example.com"}),
        "$.headers.Sender",
        "first of several",
    ),
    (attached(content="not base64!"), "$.attachments[0].content", "must be base64"),
    (attached(content="QQ="), "$.attachments[0].content", "must be base64"),
    (attached(content="QUJD\nQUJD"), "$.attachments[0].content", "without line breaks"),
    (attached(content="_-8="), "$.attachments[0].content", "standard alphabet"),
    (attached(content="é"), "$.attachments[0].content", "must be base64"),
    (attached(content=None), "$.attachments[0].content", "is missing"),
    (attached(filename=None), "$.attachments[0].filename", "is missing"),
    (attached(filename="a\r\nb"), "$.attachments[0].filename", "carriage return"),
    (attached(filename=""), "$.attachments[0].filename", "1 to 255"),
    (attached(content_type="pdf"), "$.attachments[0].content_type", "not a content type"),
    (attached(content_type="a/b; c=d\r\nX: y"), "$.attachments[0].content_type", "carriage return"),
    (attached(content_type="multipart/mixed"), "$.attachments[0].content_type", "octet-stream"),
    (attached(content_id="a b"), "$.attachments[0].content_id", "without spaces"),
    (attached(content_id="a>\n"), "$.attachments[0].content_id", "line feed"),
    (attached(disposition="inlined"), "$.attachments[0].disposition", "attachment, inline"),
    (attached(contnt=PDF), "$.attachments[0].contnt", "did you mean 'content'?"),
    (
        attached(s3={"bucket": "mailbus-example-files", "key": "a.pdf"}),
        "$.attachments[0].s3",
        "set one of them",
    ),
    (attached(content=None, s3={"bucket": "ab", "key": "k"}), "$.attachments[0].s3.bucket", "3 to 63"),
    (attached(content=None, s3={"bucket": "abc", "key": ""}), "$.attachments[0].s3.key", "1 to 1024"),
    (attached(content=None, s3={"bucket": "abc"}), "$.attachments[0].s3.key", "is missing"),
    (attached(content=None, s3={"bukket": "abc"}), "$.attachments[0].s3.bukket", "did you mean 'bucket'?"),
    (
        attached(content=None, s3="s3://abc/k"),
        "$.attachments[0].s3",
        "must be an object, not a string; name it by bucket and key",
    ),
    (attached(content=None, data=PDF), "$.attachments[0].data", "use content"),
    (
        attached(content=None, url="s3://abc/k"),
        "$.attachments[0].url",
        "use content or s3; name it by bucket and key",
    ),
    (job(attachments=[PDF]), "$.attachments[0]", "must be an object"),
    (job(attachments=[{"content": "", "filename": "a"}] * 496), "$.attachments", "at most 495 per mail"),
    (form("text/plain"), "$.alternatives[0].content_type", "use the field text"),
    (form("Text/HTML; charset=utf-8"), "$.alternatives[0].content_type", "use the field html"),
    (form("multipart/related"), "$.alternatives[0].content_type", "text/* or application/*"),
    (form("image/png"), "$.alternatives[0].content_type", "text/* or application/*"),
    (form("text/calendar; charset=latin1"), "$.alternatives[0].content_type", "other than utf-8"),
    (form("text/calendar\nX: y"), "$.alternatives[0].content_type", "line feed"),
    (form("text"), "$.alternatives[0].content_type", "not a content type"),
    (form("text/" + "x" * 300), "$.alternatives[0].content_type", "more than 255"),
    (job(alternatives=[{"content": "BEGIN:VCALENDAR"}]), "$.alternatives[0].content_type", "is missing"),
    (job(alternatives={"content": "x"}), "$.alternatives", "must be an array, not an object"),
    (job(envelope_sender="bounces"), "$.envelope_sender", "no @"),
    (job(envelope_sender=["a@example.com"]), "$.envelope_sender", "must be a string, not an array"),
    (job(track_opens="yes"), "$.track_opens", "must be a boolean, not a string"),
    (job(track_clicks=1), "$.track_clicks", "must be a boolean, not an integer"),
    (job(send_at="tomorrow"), "$.send_at", "in RFC 3339 with its offset"),
    (job(send_at="2030-01-31T09:00:00"), "$.send_at", "in RFC 3339 with its offset"),
    (job(send_at="2030-01-31"), "$.send_at", "in RFC 3339 with its offset"),
    (job(send_at="1893456000"), "$.send_at", "in RFC 3339 with its offset"),
    (job(send_at=True), "$.send_at", "must be a time or a number, not a boolean"),
    (job(send_at=-1), "$.send_at", "between 1970 and 9999"),
    (job(send_at=1893456000000), "$.send_at", "between 1970 and 9999"),
    (job(send_at=10**400), "$.send_at", "between 1970 and 9999"),
    (job(expires_at="0001-01-01T00:00:00+14:00"), "$.expires_at", "between 1970 and 9999"),
    (
        job(send_at=1893456000, expires_at="2030-01-01T00:00:00Z"),
        "$.expires_at",
        "must be later than send_at",
    ),
    (job(esp_extra=[]), "$.esp_extra", "must be an object, not an array"),
    (job(esp_extra={"Content": {}}), "$.esp_extra.Content", "use subject, text, html"),
    (job(esp_extra={"Destination": {}}), "$.esp_extra.Destination", "use to, cc and bcc"),
    (job(esp_extra={"BulkEmailEntries": []}), "$.esp_extra.BulkEmailEntries", "use to and the merge fields"),
    (job(esp_extra={"DefaultContent": {}}), "$.esp_extra.DefaultContent", "use template_id"),
    (job(esp_extra={"FromEmailAddress": "a@b.c"}), "$.esp_extra.FromEmailAddress", "use from_email"),
    (job(esp_extra={"ReplyToAddresses": []}), "$.esp_extra.ReplyToAddresses", "use reply_to"),
    (job(esp_extra={"DefaultEmailTags": []}), "$.esp_extra.DefaultEmailTags", "use EmailTags"),
    (job(esp_extra={"EmailTags": {"a": "b"}}), "$.esp_extra.EmailTags", "must be an array, not an object"),
    (job(esp_extra={"EmailTags": [{"Name": "a"}]}), "$.esp_extra.EmailTags[0].Value", "is missing"),
    (job(esp_extra={"EmailTags": [{"name": "a"}]}), "$.esp_extra.EmailTags[0].name", "did you mean 'Name'?"),
    (
        job(esp_extra={"EmailTags": [{"Name": "mailbus-job-id", "Value": "x"}]}),
        "$.esp_extra.EmailTags[0].Name",
        "is reserved for Mailbus",
    ),
    (job(content_ref={"bucket": "abc", "key": "k"}), "$.content_ref", "must hold the job itself"),
    (
        job(attachments=[{"content": "", "content_id": "x"}, {"content": "", "content_id": "<x>"}]),
        "$.attachments[1].content_id",
        "must be unique",
    ),
]


@pytest.mark.parametrize(("document", "path", "reason"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_job_is_refused_with_the_path_and_what_to_write(
    document: dict[str, Any], path: str, reason: str
) -> None:
    error = refusal(document)
    assert error.path == path
    assert reason in error.reason


@pytest.mark.parametrize("field", ["from_email", "to", "text"])
def test_a_job_that_lacks_what_a_mail_needs_names_the_field(field: str) -> None:
    document = job()
    del document[field]
    assert refusal(document).path == f"$.{field}"


@pytest.mark.parametrize(
    "name",
    [
        "From",
        "Cc",
        "Bcc",
        "BCC",
        "Subject",
        "Reply-To",
        "Date",
        "Message-ID",
        "message-id",
        "Return-Path",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
        "X-SES-CONFIGURATION-SET",
        "X-SES-MESSAGE-TAGS",
        "X-Tag",
        "X-Metadata",
    ],
)
def test_a_header_that_is_not_the_jobs_to_set_is_refused_by_name(name: str) -> None:
    error = refusal(job(headers={name: "value"}))
    assert error.path == f"$.headers.{name}"


def test_every_field_of_an_ordinary_mail_is_read() -> None:
    invitation = {"content": "BEGIN:VCALENDAR", "content_type": "text/calendar; method=REQUEST"}
    file = {
        "filename": "a.pdf",
        "s3": {"bucket": "mailbus-example-files", "key": "a.pdf", "version_id": "v1"},
    }
    extra = {"TenantName": "acme", "EmailTags": [{"Name": "team", "Value": "growth"}]}
    read = parse_job(
        json.dumps(
            job(
                from_email=["ann@example.com", "Bob <bob@example.com>"],
                alternatives=[invitation],
                attachments=[file],
                envelope_sender="Bounces <bounces@Bücher.example>",
                track_opens=True,
                track_clicks=False,
                send_at="2030-01-31T09:00:00+01:00",
                expires_at=1896123456.5,
                esp_extra=extra,
            )
        ),
        SQS_ID,
    )
    assert [mailbox.address for mailbox in read.from_email] == ["ann@example.com", "bob@example.com"]
    assert read.alternatives == (Alternative(**invitation),)
    assert read.attachments[0].content == S3Object(
        bucket="mailbus-example-files", key="a.pdf", version_id="v1"
    )
    assert read.attachments[0].content_type == "application/octet-stream"
    assert read.envelope_sender == "bounces@xn--bcher-kva.example"
    assert (read.track_opens, read.track_clicks) == (True, False)
    assert (read.send_at, read.expires_at) == (1896076800.0, 1896123456.5)
    assert read.esp_extra == extra
    assert (read.merge, read.headers, read.shown_to) == (None, (), ())


def test_null_says_that_a_field_is_absent() -> None:
    fields = (
        "job_id",
        "subject",
        "cc",
        "headers",
        "metadata",
        "send_at",
        "template_id",
        "merge_data",
        "content_ref",
    )
    read = parse_job(json.dumps(job(**dict.fromkeys(fields))), SQS_ID)
    assert (read.job_id, read.subject, read.cc, read.merge) == (SQS_ID, "", (), None)


@pytest.mark.parametrize(
    "content", [{"alternatives": [{"content": "", "content_type": "text/calendar"}]}, {}]
)
def test_an_invitation_alone_is_a_mail_and_nothing_at_all_is_none(content: dict[str, Any]) -> None:
    document = job(text=None, **content)
    if content:
        assert parse_job(json.dumps(document), SQS_ID).text is None
    else:
        assert refusal(document).path == "$.text"


def test_alternatives_and_attachments_share_the_parts_that_ses_takes() -> None:
    forms = [{"content": "", "content_type": "text/calendar"}] * 250
    files = [{"content": "", "filename": "a"}] * 246
    assert "496 parts" in refusal(job(alternatives=forms, attachments=files)).reason


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ([], None),
        (["welcome"], None),
        (["welcome", "trial"], "only one is allowed"),
        (["größer"], "1 to 256 characters of A-Z"),
        (["x" * 257], "1 to 256 characters of A-Z"),
        (["a b"], "1 to 256 characters of A-Z"),
    ],
)
def test_with_a_message_tag_name_a_job_has_at_most_one_tag_that_ses_can_carry(
    tags: list[str], reason: str | None
) -> None:
    body = json.dumps(job(tags=tags))
    if reason is None:
        assert parse_job(body, SQS_ID, message_tag_name="campaign").tags == tuple(tags)
    else:
        with pytest.raises(InvalidJob, match=reason):
            parse_job(body, SQS_ID, message_tag_name="campaign")
    parse_job(body, SQS_ID)


@pytest.mark.parametrize(
    ("body", "path", "reason"),
    [
        ("", "$", "not valid JSON"),
        ("Hello", "$", "not valid JSON"),
        ('{"to": ', "$", "line 1, column 8"),
        ("\ufeff{}", "$", "not valid JSON"),
        ("[]", "$", "must be an object, not an array"),
        ("null", "$", "must be an object, not null"),
        ('"job"', "$", "must be an object, not a string"),
        ("[" * 100_000, "$", "nested too deeply"),
        ('{"metadata": ' + '{"a":' * 100_000, "$", "nested too deeply"),
        ('{"schema_version": ' + "1" * 5000 + "}", "$", "4300 digits"),
        ('{"schema_version": 1e999}', "$.schema_version", "not a finite number"),
        ('{"to": "a@example.org", "to": "b@example.org"}', "$.to", "is a duplicate"),
        ('{"metadata": {"a": 1, "a": 2}}', "$.metadata.a", "is a duplicate"),
        ('{"attachments": [{"content": "", "content": ""}]}', "$.attachments[0].content", "is a duplicate"),
        ("{}", "$.from_email", "is missing"),
    ],
    ids=lambda value: value[:30],
)
def test_what_is_no_job_at_all_is_refused_clearly(body: str, path: str, reason: str) -> None:
    error = refusal(body)
    assert error.path == path
    assert reason in error.reason


@pytest.mark.parametrize(
    ("body", "job_id"),
    [
        ('{"job_id": "welcome-1", "subjet": ""}', "welcome-1"),
        ('{"subjet": ""}', SQS_ID),
        ('{"job_id": "no spaces"}', SQS_ID),
        ("not JSON", SQS_ID),
        ("[]", SQS_ID),
        ('{"job_id": "welcome-1", "metadata": {"a": 1, "a": 2}}', "welcome-1"),
        ('{"job_id": "welcome-1", "job_id": "welcome-2"}', SQS_ID),
        ('{"job_id": "welcome-1\\n"}', SQS_ID),
    ],
)
def test_an_invalid_job_has_its_own_id_where_it_can_be_read_else_the_queue_s(body: str, job_id: str) -> None:
    assert job_id_in_body(body, SQS_ID) == job_id


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*job(), "cc", "headers", "attachments", "metadata", "tags"]), JSON))
def test_any_json_in_any_field_is_read_or_refused(fields: dict[str, Any]) -> None:
    try:
        parse_job(json.dumps(job() | fields), SQS_ID)
    except InvalidJob as error:
        str(error).encode()

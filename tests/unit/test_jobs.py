from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.errors import InvalidJob, UnsupportedFeature
from mailbus.events import Mailbox
from mailbus.jobs import envelope, parse_job, peek_job_id

SQS_ID = "0f3c8a7e-2d1b-4f6a-9c5e-7b8d9e0f1a2b"
EXAMPLES = Path(__file__).parents[2] / "examples" / "jobs"
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


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_the_examples_are_jobs_but_for_the_one_that_shows_a_mistake(path: Path) -> None:
    body = path.read_text(encoding="utf-8")
    if path.stem == "invalid":
        assert refusal(body).reason == "unknown field 'subjet'; did you mean subject?"
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
    assert envelope(read).recipients == ("ann@example.org", "bob@example.org", "archive@example.org")


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
    receivers = envelope(parse_job(json.dumps(document), SQS_ID))
    assert (receivers.to, receivers.cc, receivers.bcc) == (
        ("ann@example.org",),
        ("Ann@example.org",),
        ("bob@example.org",),
    )


def test_fifty_recipients_are_taken_and_one_more_is_refused() -> None:
    fifty = [f"reader{number}@example.org" for number in range(50)]
    assert len(envelope(parse_job(json.dumps(job(to=fifty, cc=fifty)), SQS_ID)).recipients) == 50
    assert "51 recipients" in refusal(job(to=fifty, bcc=["one-more@example.org"])).reason


def test_an_empty_mail_is_sent_when_it_is_asked_for() -> None:
    assert parse_job(json.dumps(job(text="")), SQS_ID).text == ""


WRONG = [
    (job(subjet="x"), "$.subjet", "did you mean subject?"),
    (job(replyTo="x"), "$.replyTo", "did you mean reply_to?"),
    (job(zzz=1), "$.zzz", "known are"),
    (job(**{"two words": 1}), "$['two words']", "unknown field"),
    (job(**{"\ud800": 1}), "$['\\ud800']", "unknown field"),
    (job(subject=17), "$.subject", "expected a string, got a number"),
    (job(subject=None), "$.subject", "got null; leave the field out"),
    (job(text=["a"]), "$.text", "expected a string, got an array"),
    (job(to={"a": 1}), "$.to", "expected an address or an array of addresses, got an object"),
    (job(to=["ann@example.org", 17]), "$.to[1]", "expected a string, got a number"),
    (job(to=["ann@example.org", "bob"]), "$.to[1]", "no @"),
    (job(to="a@example.org, b@example.org"), "$.to", "more than one address"),
    (job(to=[]), "$.to", "names nobody"),
    (job(from_email=[]), "$.from_email", "is empty"),
    (job(from_email="nobody"), "$.from_email", "no @"),
    (job(job_id="no spaces"), "$.job_id", "A-Z a-z 0-9"),
    (job(job_id=""), "$.job_id", "A-Z a-z 0-9"),
    (job(job_id="x" * 129), "$.job_id", "128"),
    (job(job_id="line\n"), "$.job_id", "A-Z a-z 0-9"),
    (job(job_id=1), "$.job_id", "expected a string"),
    (job(schema_version=2), "$.schema_version", "schema_version 2"),
    (job(schema_version="1"), "$.schema_version", "expected the integer 1, got a string"),
    (job(schema_version=True), "$.schema_version", "expected the integer 1, got a boolean"),
    (job(tags="news"), "$.tags", "expected an array, got a string"),
    (job(tags=["a", 1]), "$.tags[1]", "expected a string"),
    (job(tags=[" "]), "$.tags[0]", "empty tag"),
    (job(tags=["campaign-2026"] * 5000), "$.tags", "fewer or shorter"),
    (job(metadata=[1]), "$.metadata", "expected an object, got an array"),
    (job(metadata={"a": {"b": 1}}), "$.metadata.a", "expected a string, number, boolean or null"),
    (job(metadata={"a": 2**64}), "$.metadata.a", "over 64 bits"),
    (job(metadata={"a": float("inf")}), "$.metadata.a", "not a finite number"),
    (job(metadata={"a": float("nan")}), "$.metadata.a", "not a finite number"),
    (job(metadata={"a": "\udc00"}), "$.metadata.a", "surrogate"),
    (job(metadata={"a": "x" * 70_000}), "$.metadata", "bytes of JSON"),
    (job(subject="a\ud800b"), "$.subject", "half of a surrogate pair (\\ud800)"),
    (job(text="\udfff"), "$.text", "surrogate"),
    (job(subject="a\r\nBcc: eve@example.org"), "$.subject", "carriage return"),
    (job(tags=["a\nb"]), "$.tags[0]", "line feed"),
    (job(headers={"X-A": "a\0b"}), "$.headers.X-A", "NUL"),
    (job(headers={"X-A": "a\nb"}), "$.headers.X-A", "line feed"),
    (job(headers={"X-A": 1}), "$.headers.X-A", "expected a string"),
    (job(headers={"X-A": "x" * 901}), "$.headers.X-A", "word of more than 900"),
    (job(headers={"X A": "b"}), "$.headers['X A']", "no header name"),
    (job(headers={"X-A:": "b"}), "$.headers['X-A:']", "no header name"),
    (job(headers={"X-A\r\nBcc": "b"}), "$.headers['X-A\\r\\nBcc']", "no header name"),
    (job(headers={"X-É": "b"}), "$.headers['X-\\xc9']", "no header name"),
    (job(headers={"": "b"}), "$.headers['']", "no header name"),
    (job(headers={"X-A": "1", "x-a": "2"}), "$.headers.x-a", "stands twice"),
    (job(headers={"To": "nobody"}), "$.headers.To", "no @"),
    (job(headers={"Sender": "a@example.com, b@example.com"}), "$.headers.Sender", "more than one"),
    (
        job(from_email=["a@example.com", "b@example.com"], headers={"Sender": "a@example.com"}),
        "$.headers.Sender",
        "first of several",
    ),
    (attached(content="not base64!"), "$.attachments[0].content", "not base64"),
    (attached(content="QQ="), "$.attachments[0].content", "not base64"),
    (attached(content="QUJD\nQUJD"), "$.attachments[0].content", "without line breaks"),
    (attached(content="_-8="), "$.attachments[0].content", "standard alphabet"),
    (attached(content="é"), "$.attachments[0].content", "not base64"),
    (attached(content=None), "$.attachments[0].content", "is missing"),
    (attached(filename=None), "$.attachments[0].filename", "is missing"),
    (attached(filename="a\r\nb"), "$.attachments[0].filename", "carriage return"),
    (attached(filename=""), "$.attachments[0].filename", "1 to 255"),
    (attached(content_type="pdf"), "$.attachments[0].content_type", "no content type"),
    (attached(content_type="a/b; c=d\r\nX: y"), "$.attachments[0].content_type", "carriage return"),
    (attached(content_type="multipart/mixed"), "$.attachments[0].content_type", "octet-stream"),
    (attached(content_id="a b"), "$.attachments[0].content_id", "without spaces"),
    (attached(content_id="a>\n"), "$.attachments[0].content_id", "line feed"),
    (attached(disposition="inlined"), "$.attachments[0].disposition", "attachment or inline"),
    (attached(contnt=PDF), "$.attachments[0].contnt", "did you mean content?"),
    (job(attachments=[PDF]), "$.attachments[0]", "expected an object"),
    (
        job(attachments=[{"content": "", "content_id": "x"}, {"content": "", "content_id": "<x>"}]),
        "$.attachments[1].content_id",
        "make it unique",
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
    assert name in error.reason


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("alternatives", [{"content": "x", "content_type": "text/x-amp-html"}]),
        ("envelope_sender", "bounces@example.com"),
        ("track_opens", True),
        ("track_clicks", False),
        ("send_at", "2030-01-01T00:00:00Z"),
        ("expires_at", 1893456000),
        ("template_id", "welcome"),
        ("merge_data", {}),
        ("merge_metadata", {}),
        ("merge_headers", {}),
        ("merge_global_data", {}),
        ("esp_extra", {"TenantName": "acme"}),
        ("content_ref", {"bucket": "b", "key": "k"}),
    ],
)
def test_what_is_not_supported_yet_is_refused_by_its_name(field: str, value: object) -> None:
    error = refusal(job(**{field: value}))
    assert isinstance(error, UnsupportedFeature)
    assert (error.path, error.feature) == (f"$.{field}", field)


def test_an_attachment_in_s3_is_refused_as_not_supported_yet() -> None:
    error = refusal(job(attachments=[{"filename": "a.pdf", "s3": {"bucket": "b", "key": "k"}}]))
    assert isinstance(error, UnsupportedFeature)
    assert (error.path, error.feature) == ("$.attachments[0].s3", "s3")


@pytest.mark.parametrize(
    ("body", "path", "reason"),
    [
        ("", "$", "not JSON"),
        ("Hello", "$", "not JSON"),
        ('{"to": ', "$", "line 1, column 8"),
        ("\ufeff{}", "$", "not JSON"),
        ("[]", "$", "expected an object, got an array"),
        ("null", "$", "expected an object, got null"),
        ('"job"', "$", "expected an object, got a string"),
        ("[" * 100_000, "$", "nested too deeply"),
        ('{"metadata": ' + '{"a":' * 100_000, "$", "nested too deeply"),
        ('{"schema_version": ' + "1" * 5000 + "}", "$", "4300 digits"),
        ('{"schema_version": 1e999}', "$.schema_version", "expected the integer 1"),
        ('{"to": "a@example.org", "to": "b@example.org"}', "$.to", "stands twice"),
        ('{"metadata": {"a": 1, "a": 2}}', "$.metadata.a", "stands twice"),
        ('{"attachments": [{"content": "", "content": ""}]}', "$.attachments[0].content", "stands twice"),
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
    ],
)
def test_an_invalid_job_has_its_own_id_where_it_can_be_read_else_the_queue_s(body: str, job_id: str) -> None:
    assert peek_job_id(body, SQS_ID) == job_id


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

from __future__ import annotations

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
from tests.unit.mailbus.jobs.example_jobs import PDF, SQS_ID, job, refusal

EXAMPLES = Path(__file__).parents[4] / "examples" / "jobs"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_the_examples_are_valid_except_for_the_one_of_an_error(path: Path) -> None:
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


def test_a_repeated_address_receives_one_mail() -> None:
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


def test_an_empty_mail_needs_an_empty_text() -> None:
    assert parse_job(json.dumps(job(text="")), SQS_ID).text == ""


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


def test_a_null_field_is_absent() -> None:
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
def test_an_invitation_is_enough_content_and_no_content_is_an_error(content: dict[str, Any]) -> None:
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
    ("subject", "shown"),
    [
        ("=?UTF-8?Q?Sch=C3=B6ne_Gr=C3=BC=C3=9Fe?=", "Schöne Grüße"),
        ("Re: =?utf-8?b?R3LDvMOf?= =?utf-8?b?ZQ==?=", "Re: Grüße"),
        ("=?x-nonsense?q?abc?=", "=?x-nonsense?q?abc?="),
    ],
)
def test_encoded_words_in_a_subject_and_in_a_file_name_are_decoded_as_those_in_names(
    subject: str, shown: str
) -> None:
    file = {"content": "", "filename": f"{subject}.pdf"}
    read = parse_job(json.dumps(job(subject=subject, attachments=[file])), SQS_ID)
    assert (read.subject, read.attachments[0].filename) == (shown, f"{shown}.pdf")


@pytest.mark.parametrize("field", ["subject", "filename"])
def test_an_encoded_line_break_is_refused(field: str) -> None:
    text = "=?utf-8?q?Hello=0D=0ABcc=3A_eve=40example.com?="
    fields = {"subject": text} if field == "subject" else {"attachments": [{"content": "", "filename": text}]}
    assert "carriage return" in refusal(job(**fields)).reason


@pytest.mark.parametrize("blank", [" ", "  ", "\t", "\u00a0", "\u3000"])
def test_tags_have_no_blanks_around_them(blank: str) -> None:
    read = parse_job(json.dumps(job(tags=[f"{blank}north east{blank}"])), SQS_ID, message_tag_name=None)
    assert read.tags == ("north east",)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ([], None),
        (["welcome"], None),
        (["welcome", "trial"], "only one is allowed"),
        (["größer"], "1 to 255 characters of A-Z"),
        (["x" * 256], "1 to 255 characters of A-Z"),
        (["a b"], "1 to 255 characters of A-Z"),
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

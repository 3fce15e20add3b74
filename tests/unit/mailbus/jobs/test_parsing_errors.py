from __future__ import annotations

from typing import Any

import pytest

from tests.unit.mailbus.jobs.example_jobs import PDF, job, refusal


def attached(**fields: Any) -> dict[str, Any]:
    part = {"filename": "invoice.pdf", "content_type": "application/pdf", "content": PDF} | fields
    return job(attachments=[{name: value for name, value in part.items() if value is not None}])


def form(content_type: str) -> dict[str, Any]:
    return job(alternatives=[{"content": "BEGIN:VCALENDAR", "content_type": content_type}])


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
    (
        job(to=[{"email": "a@example.org"}]),
        "$.to[0]",
        "must be a string, not an object; write an address as a",
    ),
    (job(to=[["Ann", "a@example.org"]]), "$.to[0]", 'such as "Ann Lee <ann@example.com>"'),
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
    (attached(content_type="message/partial"), "$.attachments[0].content_type", "as message/rfc822"),
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
    (
        job(text=None, alternatives=[{"content": "Hello.", "content_type": "text/plain"}]),
        "$.alternatives[0].content_type",
        "use the field text",
    ),
    (form("text/html; charset=latin1"), "$.alternatives[0].content_type", "other than utf-8"),
    (form("text/calendar; method"), "$.alternatives[0].content_type", "name=value"),
    (form("text/calendar; method=REQUEST PUBLISH"), "$.alternatives[0].content_type", "quotes around spaces"),
    (form('text/calendar; name="a'), "$.alternatives[0].content_type", "name=value"),
    (attached(content_type='text/csv; name="ü.csv"'), "$.attachments[0].content_type", "U+00FC"),
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
        job(esp_extra={"EmailTags": [{"Name": "größe", "Value": "x"}]}),
        "$.esp_extra.EmailTags[0].Name",
        "must be 1 to 255 characters of A-Z a-z 0-9 _ -, or SES refuses the mail",
    ),
    (
        job(esp_extra={"EmailTags": [{"Name": "a", "Value": "x@y.z"}, {"Name": "b", "Value": "x y"}]}),
        "$.esp_extra.EmailTags[1].Value",
        "must be 1 to 255 characters of A-Z a-z 0-9 _ - . @, or SES refuses the mail",
    ),
    (
        job(esp_extra={"EmailTags": [{"Name": "mailbus-job-id", "Value": "x"}]}),
        "$.esp_extra.EmailTags[0].Name",
        "is reserved for Mailbus",
    ),
    (job(content_ref={"bucket": "abc", "key": "k"}), "$.content_ref", "must be the job itself"),
    (
        job(attachments=[{"content": "", "content_id": "x"}, {"content": "", "content_id": "<x>"}]),
        "$.attachments[1].content_id",
        "must be unique",
    ),
]


@pytest.mark.parametrize(("document", "path", "reason"), WRONG, ids=lambda value: str(value)[:40])
def test_an_invalid_job_is_refused_with_its_path_and_reason(
    document: dict[str, Any], path: str, reason: str
) -> None:
    error = refusal(document)
    assert error.path == path
    assert reason in error.reason


@pytest.mark.parametrize("field", ["from_email", "to", "text"])
def test_a_missing_field_is_named(field: str) -> None:
    document = job()
    del document[field]
    assert refusal(document).path == f"$.{field}"


@pytest.mark.parametrize(
    ("body", "path", "reason"),
    [
        ("", "$", "not valid JSON"),
        ("Hello", "$", "not valid JSON"),
        ('{"to": ', "$", "line 1, column 8"),
        ("\ufeff{}", "$", "byte order mark"),
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
def test_a_body_that_is_not_a_job_is_refused(body: str, path: str, reason: str) -> None:
    error = refusal(body)
    assert error.path == path
    assert reason in error.reason

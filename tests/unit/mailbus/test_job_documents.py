from __future__ import annotations

import json
from typing import Any

import pytest

from mailbus.errors import InvalidJob
from mailbus.jobs.contract import S3Object
from mailbus.jobs.fingerprint import fingerprint
from mailbus.jobs.parsing import content_reference, parse_document, parse_job
from mailbus.jobs.strict_json import read_document

SQS_ID = "0f3c8a7e-2d1b-4f6a-9c5e-7b8d9e0f1a2b"
WELCOME = {
    "job_id": "welcome-1",
    "from_email": "hello@example.com",
    "to": ["ann@example.org"],
    "subject": "Welcome",
    "text": "Hello Ann",
    "metadata": {"user": 17, "plan": None},
}
REFERENCE = {"bucket": "mailbus-example-files", "key": "jobs/welcome-1.json"}


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in WELCOME.items() if name not in names}


def test_the_fingerprint_is_of_what_is_said_not_of_how_it_is_written() -> None:
    said = fingerprint(WELCOME)
    assert len(said) == 32
    backwards = dict(reversed(WELCOME.items())) | {"metadata": {"plan": None, "user": 17}, "cc": None}
    assert fingerprint(backwards | {"job_id": "other"}) == said
    assert fingerprint(without("job_id")) == said
    assert parse_job(json.dumps(WELCOME, indent=3), SQS_ID).fingerprint == said


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Hello Bob"},
        {"to": "ann@example.org"},
        {"metadata": {"user": 17}},
        {"cc": []},
        {"subject": ""},
    ],
)
def test_another_content_has_another_fingerprint(change: dict[str, Any]) -> None:
    assert fingerprint(WELCOME | change) != fingerprint(WELCOME)


def test_the_fingerprint_stays_when_the_deployments_defaults_change() -> None:
    defaults = {"reply_to": "support@example.com"}
    assert parse_document(WELCOME, SQS_ID, defaults=defaults).fingerprint == fingerprint(WELCOME)


def test_the_jobs_own_value_wins_over_the_defaults_and_objects_are_merged_one_level() -> None:
    read = parse_document(
        WELCOME | {"headers": {"x-team": "growth"}, "reply_to": None, "esp_extra": {"TenantName": "b"}},
        SQS_ID,
        defaults={
            "job_id": "of-nobody",
            "subject": "Hello",
            "reply_to": ["support@example.com"],
            "headers": {"X-Team": "platform", "X-Stage": "dev"},
            "metadata": {"user": 0, "stage": "dev"},
            "tags": ["default"],
            "track_opens": False,
            "esp_extra": {"TenantName": "a", "ConfigurationSetName": "other"},
        },
    )
    assert (read.job_id, read.subject, read.tags, read.track_opens) == (
        "welcome-1",
        "Welcome",
        ("default",),
        False,
    )
    assert read.reply_to[0].address == "support@example.com"
    assert read.headers == (("X-Stage", "dev"), ("x-team", "growth"))
    assert read.metadata == {"user": 17, "stage": "dev", "plan": None}
    assert read.esp_extra == {"TenantName": "b", "ConfigurationSetName": "other"}


def test_a_job_without_an_id_never_takes_one_from_the_defaults() -> None:
    assert parse_document(without("job_id"), SQS_ID, defaults={"job_id": "x"}).job_id == SQS_ID


def test_defaults_for_one_kind_of_call_do_not_stand_in_the_way_of_the_other() -> None:
    tags = [{"Name": "stage", "Value": "dev"}]
    defaults = {
        "esp_extra": {
            "EmailTags": tags,
            "DefaultEmailTags": tags,
            "ListManagementOptions": {"ContactListName": "readers"},
            "TenantName": "acme",
        }
    }
    ordinary = parse_document(WELCOME, SQS_ID, defaults=defaults)
    merged = parse_document(WELCOME | {"merge_data": {}}, SQS_ID, defaults=defaults)
    assert set(ordinary.esp_extra) == {"EmailTags", "ListManagementOptions", "TenantName"}
    assert set(merged.esp_extra) == {"DefaultEmailTags", "TenantName"}


def test_a_wrong_default_is_refused_at_its_field() -> None:
    with pytest.raises(InvalidJob) as refused:
        parse_document(WELCOME, SQS_ID, defaults={"reply_to": 17})
    assert refused.value.path == "$.reply_to"


def test_a_reference_to_s3_stands_with_an_id_and_a_version_alone() -> None:
    document = {"content_ref": REFERENCE, "job_id": "welcome-1", "schema_version": 1, "subject": None}
    assert content_reference(document) == S3Object(bucket="mailbus-example-files", key="jobs/welcome-1.json")
    assert content_reference({"content_ref": REFERENCE | {"version_id": "v2"}}) is not None
    assert content_reference(WELCOME) is None
    assert content_reference(WELCOME | {"content_ref": None}) is None


@pytest.mark.parametrize(
    ("document", "path", "reason"),
    [
        (WELCOME | {"content_ref": REFERENCE}, "$.from_email", "move it into the job in S3"),
        ({"content_ref": "s3://bucket/key"}, "$.content_ref", "name it by bucket and key"),
        ({"content_ref": {"bucket": "mailbus-example-files"}}, "$.content_ref.key", "is missing"),
        ({"content_ref": REFERENCE | {"region": "x"}}, "$.content_ref.region", "is unknown"),
        ({"content_ref": REFERENCE, "jobid": "x"}, "$.jobid", "did you mean 'job_id'?"),
        ({"content_ref": REFERENCE, "job_id": "a b"}, "$.job_id", "1 to 128"),
        ({"content_ref": REFERENCE, "job_id": "a\n"}, "$.job_id", "1 to 128"),
        ({"content_ref": REFERENCE, "schema_version": 2}, "$.schema_version", "must be 1, not 2"),
    ],
)
def test_a_wrong_reference_is_refused(document: dict[str, Any], path: str, reason: str) -> None:
    with pytest.raises(InvalidJob) as refused:
        content_reference(document)
    assert refused.value.path == path
    assert reason in refused.value.reason


@pytest.mark.parametrize(
    ("body", "path", "reason"),
    [
        (
            '{"merge_data": {"ann@example.org": {"a": 1, "a": 2}}}',
            "$.merge_data[entry 1].a",
            "is a duplicate",
        ),
        (
            '{"merge_data": {"a@example.org": 1, "a@example.org": 2}}',
            "$.merge_data[entry 2]",
            "is a duplicate",
        ),
        ('{"merge_global_data": {"a": [1, NaN]}}', "$.merge_global_data.a[1]", "not a finite number"),
        ('{"esp_extra": {"a": -1e999}}', "$.esp_extra.a", "not a finite number"),
        ('{"merge_data": {"a@example.org": {"n": "\\udc00"}}}', "$.merge_data[entry 1].n", "\\udc00"),
        ('{"text": "\ud83d"}', "$.text", "\\ud83d"),
        ('{"esp_extra": ' + "[" * 64 + "]" * 64 + "}", "$", "at most 64 levels"),
    ],
)
def test_what_json_lets_pass_and_nobody_can_mean_is_refused_at_its_path(
    body: str, path: str, reason: str
) -> None:
    with pytest.raises(InvalidJob) as refused:
        read_document(body)
    assert refused.value.path == path
    assert reason in refused.value.reason


def test_pairs_of_surrogates_and_their_looks_alike_are_text() -> None:
    assert read_document('{"text": "\\ud83d\\ude00", "html": "\\\\ud83d"}') == {
        "text": "😀",
        "html": "\\ud83d",
    }


def test_a_document_that_was_never_text_is_refused_alike() -> None:
    with pytest.raises(InvalidJob) as refused:
        parse_document(WELCOME | {"subject": "\ud800"}, SQS_ID)
    assert refused.value.path == "$.subject"
    with pytest.raises(InvalidJob) as refused:
        parse_document(WELCOME | {"metadata": {"a": float("nan")}}, SQS_ID)
    assert refused.value.path == "$.metadata.a"

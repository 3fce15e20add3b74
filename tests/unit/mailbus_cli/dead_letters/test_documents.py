"""The job of a letter is edited as a text, wherever it is stored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mailbus.environment import SenderSettings
from mailbus_cli.dead_letters.checking import Defaults
from mailbus_cli.dead_letters.documents import MESSAGE_TAG_NAME, SEND_DEFAULTS, body_of, defaults, load
from mailbus_cli.dead_letters.reading import read
from mailbus_cli.errors import CommandError
from tests.unit.mailbus_cli.dead_letters.fake_sqs import (
    SEND,
    TRACKING,
    FakeLambda,
    FakeS3,
    FakeSqs,
    deployment_of,
    text_of,
)

if TYPE_CHECKING:
    from mailbus_cli.dead_letters.letters import Letter


def letter(body: str, name: str = "send") -> Letter:
    sqs = FakeSqs()
    sqs.put(f"{name}-dead", body, {"OriginalMessageId": "first"})
    [found] = read(deployment_of(sqs), SEND if name == "send" else TRACKING).letters
    return found


def reference(bucket: str) -> str:
    return json.dumps({"job_id": "large", "content_ref": {"bucket": bucket, "key": "jobs/large.json"}})


def test_a_job_is_shown_as_json() -> None:
    document = load(deployment_of(FakeSqs()), letter('{"a":1}'))
    assert (document.text, document.is_in_s3, document.problem) == ('{\n  "a": 1\n}', False, None)


def test_a_job_in_s3_is_read_from_there() -> None:
    s3 = FakeS3()
    s3.objects["jobs", "jobs/large.json"] = b'{"subject":"Large"}'
    document = load(deployment_of(FakeSqs(), s3=s3), letter(reference("jobs")))
    assert (json.loads(document.text), document.is_in_s3) == ({"subject": "Large"}, True)


def test_an_object_outside_of_the_jobs_bucket_is_not_read() -> None:
    document = load(deployment_of(FakeSqs()), letter(reference("other")))
    assert (json.loads(document.text)["job_id"], document.problem) == (
        "large",
        "the job is in S3, in the bucket other",
    )


def test_a_job_that_cannot_be_read_is_shown_as_the_message_has_it() -> None:
    s3 = FakeS3()
    s3.denied = True
    document = load(deployment_of(FakeSqs(), s3=s3), letter(reference("jobs")))
    assert "content_ref" in document.text
    assert document.problem is not None
    assert "cannot be read" in document.problem
    s3.denied = False
    s3.objects["jobs", "jobs/large.json"] = b"\xff"
    document = load(deployment_of(FakeSqs(), s3=s3), letter(reference("jobs")))
    assert document.problem == "the job is in S3, and cannot be read: its object is not UTF-8"


def test_what_is_no_job_is_shown_as_it_is() -> None:
    assert load(deployment_of(FakeSqs()), letter(reference("jobs"), "tracking")).problem is None


def test_a_small_job_is_the_body_itself() -> None:
    assert body_of(deployment_of(FakeSqs()), letter("{}"), '{\n "a": 1\n}') == '{"a":1}'


@pytest.mark.parametrize(
    ("fields", "prefix"),
    [
        ({}, "jobs/ticket-3317/"),
        ({"send_at": 4_000_000_000}, "scheduled/ticket-3317/"),
        ({"job_id": None}, "jobs/first/"),
    ],
)
def test_a_job_that_is_too_large_for_a_message_is_stored(fields: dict[str, Any], prefix: str) -> None:
    s3 = FakeS3()
    text = text_of(text="x" * 1_000_001, **fields)
    body = json.loads(body_of(deployment_of(FakeSqs(), s3=s3), letter("{}"), text))
    [(bucket, key)] = s3.objects
    assert body["content_ref"] == {"bucket": bucket, "key": key}
    assert key.startswith(prefix)
    assert ("job_id" in body) == ("job_id" not in fields)
    assert json.loads(s3.objects[bucket, key]) == json.loads(text)


def test_a_job_that_cannot_be_stored_is_an_error() -> None:
    s3 = FakeS3()
    s3.denied = True
    with pytest.raises(CommandError, match="too large for a message"):
        body_of(deployment_of(FakeSqs(), s3=s3), letter("{}"), text_of(text="x" * 1_000_001))


def test_the_sender_has_the_defaults_of_jobs() -> None:
    variables = {SEND_DEFAULTS: '{"from_email":"shop@example.com"}', MESSAGE_TAG_NAME: "tag"}
    found = defaults(deployment_of(FakeSqs(), **{"lambda": FakeLambda(variables)}))
    assert found == Defaults(fields={"from_email": "shop@example.com"}, message_tag_name="tag")
    assert defaults(deployment_of(FakeSqs(), **{"lambda": FakeLambda({"X": "1"})})) == Defaults()
    assert {name.upper() for name in SenderSettings.__struct_fields__} >= {SEND_DEFAULTS, MESSAGE_TAG_NAME}


def test_defaults_that_may_not_be_read_are_none() -> None:
    assert defaults(deployment_of(FakeSqs(), **{"lambda": FakeLambda(None)})) is None

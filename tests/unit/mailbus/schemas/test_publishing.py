from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mailbus.errors import InvalidJob
from mailbus.jobs.contract import SendJob
from mailbus.jobs.parsing import content_reference, parse_job
from mailbus.jobs.strict_json import read_document
from mailbus.schemas.publishing import job_schema, published

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[4]
PUBLISHED = ROOT / "docs" / "send-job.schema.json"
FEATURES = sorted((ROOT / "examples" / "jobs" / "features").glob("*.json"))
SQS_ID = "0f3c8a7e-2d1b-4f6a-9c5e-7b8d9e0f1a2b"

SHOWS: dict[str, Callable[[dict[str, Any]], object]] = {
    "amp-alternative": lambda job: job["alternatives"][0]["content_type"] == "text/x-amp-html",
    "calendar-invitation": lambda job: job["alternatives"][0]["content_type"].startswith("text/calendar"),
    "content-ref": lambda job: job["content_ref"],
    "envelope-sender": lambda job: job["envelope_sender"],
    "esp-extra": lambda job: job["esp_extra"],
    "expires-at": lambda job: job["expires_at"],
    "forwarded-mail": lambda job: job["attachments"][0]["content_type"] == "message/rfc822",
    "inline-image": lambda job: f"cid:{job['attachments'][0]['content_id']}" in job["html"],
    "merge-headers-and-metadata": lambda job: job["merge_headers"] and job["merge_metadata"],
    "merge-inline": lambda job: job["merge_data"] and job["text"],
    "merge-stored-template": lambda job: job["template_id"],
    "s3-attachment": lambda job: job["attachments"][0]["s3"],
    "send-at": lambda job: job["send_at"],
    "several-from": lambda job: len(job["from_email"]) > 1,
    "spoofed-to": lambda job: job["headers"]["To"],
    "tags": lambda job: job["tags"] and job["metadata"],
    "tracking": lambda job: {"track_opens", "track_clicks"} <= job.keys(),
}


def test_the_published_schema_is_the_codes() -> None:
    text = PUBLISHED.read_text(encoding="utf-8")
    assert text == published()[PUBLISHED.name], "write it again: make schemas"


def test_the_schema_describes_every_field() -> None:
    for name, struct in job_schema()["$defs"].items():
        assert struct["description"], name
        assert struct["additionalProperties"] is False, name
        for field, described in struct["properties"].items():
            assert described.get("description"), f"{name}.{field}"


@pytest.mark.parametrize(
    ("version", "is_taken"), [(1, True), (None, True), (2, False), (0, False), ("1", False), (True, False)]
)
def test_the_schema_and_the_reader_take_the_same_versions(version: object, is_taken: bool) -> None:  # noqa: FBT001 - a row of the table
    described = job_schema()["$defs"]["SendJob"]["properties"]["schema_version"]
    of_schema = [value for kind in described["anyOf"] for value in kind.get("enum", [None])]
    assert any(type(value) is type(version) and value == version for value in of_schema) is is_taken
    document = {"schema_version": version, "from_email": "a@example.com", "to": "b@example.org", "text": ""}
    body = json.dumps(document)
    if is_taken:
        assert parse_job(body, SQS_ID).job_id == SQS_ID
    else:
        with pytest.raises(InvalidJob) as refused:
            parse_job(body, SQS_ID)
        assert refused.value.path == "$.schema_version"


def test_each_feature_has_its_example() -> None:
    assert {path.stem for path in FEATURES} == SHOWS.keys()


@pytest.mark.parametrize("path", FEATURES, ids=lambda path: path.stem)
def test_the_example_of_a_feature_is_a_job_that_shows_it(path: Path) -> None:
    body = path.read_text(encoding="utf-8")
    document = read_document(body)
    assert SHOWS[path.stem](document)
    assert msgspec.convert(document, SendJob).job_id == f"{path.stem}-1"
    if content_reference(document) is None:
        assert parse_job(body, SQS_ID).job_id == f"{path.stem}-1"


def test_a_typed_job_and_the_json_that_it_becomes_are_one_job() -> None:
    for path in FEATURES:
        document = read_document(path.read_text(encoding="utf-8"))
        written = msgspec.json.decode(msgspec.json.encode(msgspec.convert(document, SendJob)))
        assert msgspec.convert(written, SendJob) == msgspec.convert(document, SendJob)

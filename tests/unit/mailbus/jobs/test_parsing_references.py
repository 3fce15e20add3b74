from __future__ import annotations

from typing import Any

import pytest

from mailbus.errors import InvalidJob
from mailbus.jobs.contract import S3Object
from mailbus.jobs.parsing import content_reference
from tests.unit.mailbus.jobs.example_documents import WELCOME

REFERENCE = {"bucket": "mailbus-example-files", "key": "jobs/welcome-1.json"}


def test_a_reference_to_s3_allows_only_an_id_and_a_version_beside_it() -> None:
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

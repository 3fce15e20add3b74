from __future__ import annotations

import json
from typing import Any

import pytest

from mailbus.jobs.fingerprint import fingerprint
from mailbus.jobs.parsing import parse_document, parse_job
from tests.unit.mailbus.jobs.example_documents import SQS_ID, WELCOME, without


def test_the_fingerprint_depends_on_the_content_not_on_its_spelling() -> None:
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

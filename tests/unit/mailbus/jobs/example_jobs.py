from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from mailbus.errors import InvalidJob
from mailbus.jobs.parsing import parse_job

SQS_ID = "0f3c8a7e-2d1b-4f6a-9c5e-7b8d9e0f1a2b"


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

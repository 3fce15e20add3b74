from __future__ import annotations

from typing import Any

SQS_ID = "0f3c8a7e-2d1b-4f6a-9c5e-7b8d9e0f1a2b"


WELCOME = {
    "job_id": "welcome-1",
    "from_email": "hello@example.com",
    "to": ["ann@example.org"],
    "subject": "Welcome",
    "text": "Hello Ann",
    "metadata": {"user": 17, "plan": None},
}


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in WELCOME.items() if name not in names}

"""A stand-in for EventBridge Scheduler."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError


class ConflictError(ClientError):
    """A schedule of that name is there."""


class _Exceptions:
    ConflictException = ConflictError


class FakeScheduler:
    """EventBridge Scheduler: keeps schedules by name."""

    exceptions = _Exceptions

    def __init__(self) -> None:
        self.schedules: dict[str, dict[str, Any]] = {}
        self.errors: list[Exception | None] = []

    def create_schedule(self, **schedule: Any) -> None:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        assert len(schedule["Name"]) <= 64
        assert len(schedule["Target"]["Input"].encode()) <= 256 * 1024
        if schedule["Name"] in self.schedules:
            raise ConflictError({"Error": {"Code": "ConflictException", "Message": ""}}, "CreateSchedule")
        self.schedules[schedule["Name"]] = schedule

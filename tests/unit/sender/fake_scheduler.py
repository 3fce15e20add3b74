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
        self.troubles: list[Exception | None] = []

    def create_schedule(self, **schedule: Any) -> None:
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble is not None:
            raise trouble
        assert len(schedule["Name"]) <= 64
        assert len(schedule["Target"]["Input"].encode()) <= 256 * 1024
        if schedule["Name"] in self.schedules:
            raise ConflictError({"Error": {"Code": "ConflictException", "Message": ""}}, "CreateSchedule")
        self.schedules[schedule["Name"]] = schedule

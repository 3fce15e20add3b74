"""A stand-in for SQS that counts the reports on the tracking queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.sender.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Sequence


class FakeTrackingQueue:
    """`in_flight` reports are on the queue; or `error` is raised."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.error: Exception | None = None
        self.calls = 0

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[str]) -> dict[str, object]:  # noqa: N803 - AWS's names
        assert QueueUrl == SETTINGS.tracking_queue_url
        self.calls += 1
        if self.error is not None:
            raise self.error
        counts = dict.fromkeys(AttributeNames, "0")
        return {"Attributes": counts | {"ApproximateNumberOfMessagesNotVisible": str(self.in_flight)}}

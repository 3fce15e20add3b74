"""Stand-ins for clients of EventBridge and SQS: they record what they accept, and fail on request."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BUS = "mailbus-dev"
DEAD_LETTERS = "https://sqs.eu-west-1.amazonaws.com/210987654321/mailbus-dev-tracking-dead"


def refusal(code: str, message: str = "refused", *, operation: str = "PutEvents") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class FakeEvents:
    """EventBridge: `verdict` returns an entry's error code, `refuses` a call's; `outages` come first."""

    def __init__(
        self,
        verdict: Callable[[dict[str, Any]], str | None] = lambda _: None,
        outages: tuple[Exception, ...] = (),
        refuses: Callable[[list[dict[str, Any]]], str | None] = lambda _: None,
    ) -> None:
        self.verdict = verdict
        self.outages = list(outages)
        self.refuses = refuses
        self.calls: list[list[dict[str, Any]]] = []
        self.taken: list[dict[str, Any]] = []

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self.calls.append(Entries)
        if self.outages:
            raise self.outages.pop(0)
        code = self.refuses(Entries)
        if code is not None:
            raise refusal(code)
        codes = [self.verdict(entry) for entry in Entries]
        self.taken += [entry for entry, code in zip(Entries, codes, strict=True) if code is None]
        return {
            "FailedEntryCount": sum(code is not None for code in codes),
            "Entries": [
                {"EventId": f"{number:036}"}
                if code is None
                else {"ErrorCode": code, "ErrorMessage": "refused"}
                for number, code in enumerate(codes)
            ],
        }


class FakeSqs:
    """SQS: records what was sent and delayed, or raises `outage`."""

    def __init__(self, outage: Exception | None = None) -> None:
        self.outage = outage
        self.sent: list[dict[str, Any]] = []
        self.delayed: list[tuple[str, str, int]] = []

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> None:  # noqa: N803 - AWS's names
        if self.outage is not None:
            raise self.outage
        self.delayed += [(QueueUrl, entry["ReceiptHandle"], entry["VisibilityTimeout"]) for entry in Entries]

    def send_message(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - AWS's name
        MessageBody: str,  # noqa: N803 - AWS's name
        MessageAttributes: Mapping[str, dict[str, str]] = MappingProxyType({}),  # noqa: N803 - AWS's name
        MessageGroupId: str | None = None,  # noqa: N803 - AWS's name
    ) -> None:
        if self.outage is not None:
            raise self.outage
        attributes = {name: value["StringValue"] for name, value in MessageAttributes.items()}
        group = {"group": MessageGroupId} if MessageGroupId else {}
        self.sent.append({"queue": QueueUrl, "body": MessageBody, "attributes": attributes, **group})

"""A model of SES: an account with its rate and its quota, and a process's client of it.

The account is that of the embedded AWS: an exact token bucket of one second.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from bench.world.costs import (
    ACCOUNT_SECONDS,
    CALL_CPU,
    ITEM_CPU,
    OTHER_SPREAD,
    SES_ARRIVAL,
    SES_CPU,
    SES_SECONDS,
    SES_SPREAD,
)
from mailbus.events import JOB_ID_TAG
from mailbus_local.ses.errors import (
    MESSAGE_REJECTED,
    QUOTA_EXCEEDED,
    SENDING_PAUSED,
    SERVICE_UNAVAILABLE,
    STATUSES,
    TOO_MANY_REQUESTS,
    SesError,
)
from mailbus_local.ses.state.account import UNLIMITED, Account, Limits

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from bench.world.clock import Clock
    from bench.world.process import Process

RECIPIENTS: Final = ("ToAddresses", "CcAddresses", "BccAddresses")
# of an entry, by the code that a whole call would have
ENTRY_STATUSES: Final = {
    TOO_MANY_REQUESTS: "ACCOUNT_THROTTLED",
    MESSAGE_REJECTED: "MESSAGE_REJECTED",
    SENDING_PAUSED: "ACCOUNT_SENDING_PAUSED",
    SERVICE_UNAVAILABLE: "TRANSIENT_FAILURE",
}
QUOTA_STATUS: Final = "ACCOUNT_DAILY_QUOTA_EXCEEDED"


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that SES accepted at a time."""

    at: float
    message_id: str
    tags: dict[str, str]
    addresses: tuple[str, ...]

    @property
    def job_id(self) -> str:
        """The id of the job that it was sent for."""
        return self.tags[JOB_ID_TAG]

    @property
    def recipients(self) -> int:
        """How many recipients the account's rate counts."""
        return len(self.addresses)


class Ses:
    """One account. `calls` counts requests by operation.

    `throttled` has when SES refused a mail for the rate; `on_accepted` is called for each that it accepts.
    `refusal` returns the error with which SES refuses a mail to these addresses, if it does.
    """

    def __init__(self, clock: Clock, rate: float, *, quota: int | None = None) -> None:
        self.calls: Counter[str] = Counter()
        self.accepted: list[Accepted] = []
        self.throttled: list[float] = []
        self.over_quota = 0
        self.on_accepted: Callable[[Accepted], None] = lambda _: None
        self.refusal: Callable[[tuple[str, ...]], SesError | None] = lambda _: None
        self._clock = clock
        limits = Limits(max_send_rate=rate, max_24_hour_send=UNLIMITED if quota is None else quota)
        self._account = Account(limits, clock.time)

    @property
    def rate(self) -> float:
        """Recipients a second."""
        return self._account.limits.max_send_rate

    def change_rate(self, rate: float) -> None:
        """Set the rate from now on."""
        self._account.change(msgspec.structs.replace(self._account.limits, max_send_rate=rate), None)

    def get_account(self) -> dict[str, Any]:
        """Answer GetAccount."""
        try:
            self._account.count_get_account()
        except SesError as error:
            raise _client_error(error, "GetAccount") from error
        limits = self._account.limits
        return {
            "SendQuota": {
                "MaxSendRate": limits.max_send_rate,
                "Max24HourSend": limits.max_24_hour_send,
                "SentLast24Hours": float(self._account.sent_last_24_hours()),
            }
        }

    def send_email(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer SendEmail."""
        try:
            return {"MessageId": self._accept(request["EmailTags"], request["Destination"])}
        except SesError as error:
            raise _client_error(error, "SendEmail") from error

    def send_bulk_email(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer SendBulkEmail."""
        return {"BulkEmailEntryResults": [self._entry(entry) for entry in request["BulkEmailEntries"]]}

    def _entry(self, entry: Mapping[str, Any]) -> dict[str, str]:
        try:
            message_id = self._accept(entry["ReplacementTags"], entry["Destination"])
        except SesError as error:
            status = QUOTA_STATUS if error.reason == QUOTA_EXCEEDED else ENTRY_STATUSES[error.code]
            return {"Status": status, "Error": error.reason}
        return {"Status": "SUCCESS", "MessageId": message_id}

    def _accept(self, tags: list[dict[str, str]], destination: Mapping[str, list[str]]) -> str:
        addresses = tuple(address for kind in RECIPIENTS for address in destination.get(kind, ()))
        error = self.refusal(addresses)
        if error is not None:
            raise error
        try:
            self._account.admit(len(addresses), len(addresses))
        except SesError as refused:
            if refused.reason == QUOTA_EXCEEDED:
                self.over_quota += 1
            else:
                self.throttled.append(self._clock.now)
            raise
        mail = Accepted(
            at=self._clock.now,
            message_id=f"0102019a9c1f0a26-{len(self.accepted):08}-41a7-4c0a-9a55-1d3b6d0f7f11-000000",
            tags={tag["Name"]: tag["Value"] for tag in tags},
            addresses=addresses,
        )
        self.accepted.append(mail)
        self.on_accepted(mail)
        return mail.message_id


class SesClient:
    """A process's client, which does not retry."""

    def __init__(self, process: Process, ses: Ses, chance: random.Random) -> None:
        self._process = process
        self._ses = ses
        self._chance = chance

    def get_account(self) -> dict[str, Any]:
        """Ask for the limits."""
        self._ses.calls["GetAccount"] += 1
        seconds = ACCOUNT_SECONDS * self._chance.uniform(*OTHER_SPREAD)
        return self._process.call(CALL_CPU, seconds / 2, seconds / 2, self._ses.get_account)

    def send_email(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - a request of boto3
        """Send one mail."""
        return self._send("SendEmail", SES_CPU, lambda: self._ses.send_email(request))

    def send_bulk_email(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        """Send many mails."""
        cpu = SES_CPU + ITEM_CPU * len(request["BulkEmailEntries"])
        return self._send("SendBulkEmail", cpu, lambda: self._ses.send_bulk_email(request))

    def _send(self, operation: str, cpu: float, answer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        self._ses.calls[operation] += 1
        there = self._chance.uniform(*SES_ARRIVAL)
        back = SES_SECONDS * self._chance.uniform(*SES_SPREAD) - there
        return self._process.call(cpu, there, back, answer)


def _client_error(error: SesError, operation: str) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": error.code, "Message": error.reason},
            "ResponseMetadata": {"HTTPStatusCode": STATUSES[error.code]},  # type: ignore[typeddict-item] # the field that is read
        },
        operation,
    )

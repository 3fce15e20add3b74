"""The edge to SES: makes the calls SendEmail and SendBulkEmail, and classifies their errors."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from sender.ses.errors import ACCEPTED, Fault, classify, classify_entry, unanswered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Final

    from types_boto3_sesv2.client import SESV2Client

    from sender.ses.send_bulk_email import BulkRequest
    from sender.ses.send_email import Request

# in SES's text where the account's rate is exceeded, not the rate of calls
_SENDING_RATE: Final = re.compile(r"\bsend(?:ing)? rate\b", re.IGNORECASE)
# How many calls a worker makes at a time: at 50 ms a call, the most that a whole processor can make.
MAX_CALLS: Final = 50
# Some of AWS's pages limit SendBulkEmail to one call a second, as most of SES's actions, and others do not:
# https://docs.aws.amazon.com/ses/latest/dg/quotas.html
# How long a worker makes no bulk calls after one that was refused for that.
LIMITED_SECONDS: Final = 600.0


class MailService:
    """Sends mails, from several threads at once.

    The client must not retry by itself: SES has no idempotency token. `clock` returns epoch seconds; a
    monotonic clock would stop while the function is frozen.
    """

    def __init__(self, client: SESV2Client, *, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._limited_until = 0.0
        self._limited_calls = 0

    def send(self, request: Request) -> str | Fault:
        """Send one mail, without retries; return SES's message id, or the fault."""
        try:
            answer = self._client.send_email(**request.params)
            return _message_id(answer)
        except Exception as error:  # noqa: BLE001 - any failure to read an answer is a fault
            return _fault(error, request.params)

    def send_bulk(
        self, request: BulkRequest, entries: Sequence[int]
    ) -> tuple[str | Fault, ...] | Fault | None:
        """Send these entries, at most 50, without retries; return each one's message id or fault, in order.

        If the call fails as a whole, return its one fault; None if there were too many bulk calls.
        """
        chosen: Any = [request.entries[index] for index in entries]
        try:
            answer = self._client.send_bulk_email(**request.params, BulkEmailEntries=chosen)
            results = answer["BulkEmailEntryResults"]
            if len(results) != len(chosen):
                reason = f"{len(results)} results for {len(chosen)} entries"
                return unanswered("UnreadableAnswer", reason)
            return tuple(_entry(result) for result in results)
        except Exception as error:  # noqa: BLE001 - any failure to read an answer is a fault
            fault = _fault(error, request.params)
            if fault.kind != "throttled" or _names_the_rate(error):
                return fault
            with self._lock:
                self._limited_until = self._clock() + LIMITED_SECONDS
                self._limited_calls += 1
            return None

    def take_limited_calls(self) -> int:
        """Return how many bulk calls SES refused because of too many calls, and count anew."""
        with self._lock:
            count, self._limited_calls = self._limited_calls, 0
        return count

    @property
    def bulk_calls_are_limited(self) -> bool:
        """Whether SES refused a call of SendBulkEmail because of too many, not long ago."""
        return self._clock() < self._limited_until


def _names_the_rate(error: Exception) -> bool:
    text = error.response["Error"].get("Message", "") if isinstance(error, ClientError) else ""
    return _SENDING_RATE.search(text) is not None


def _message_id(answer: Mapping[str, Any]) -> str | Fault:
    message_id = answer.get("MessageId")
    if isinstance(message_id, str) and message_id:
        return message_id
    return unanswered("UnreadableAnswer", "SES answered without a message id")


def _entry(result: Mapping[str, Any]) -> str | Fault:
    status = result.get("Status", "")
    return _message_id(result) if status == ACCEPTED else classify_entry(status, result.get("Error", ""))


def _fault(error: Exception, params: Mapping[str, Any]) -> Fault:
    match error:
        case ClientError():
            answer = error.response["Error"]
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            return classify(answer.get("Code", "Unknown"), answer.get("Message", ""), status, params)
        case ParamValidationError():
            # its text includes the values, which are the job's content
            return classify("ParamValidationError", "the parameters do not match SES's API", None)
        case BotoCoreError():
            return classify(type(error).__name__, str(error), None)
        case _:
            return unanswered(type(error).__name__, "SES's answer is unreadable")

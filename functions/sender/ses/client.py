"""The edge to SES: its two calls, their errors translated."""

from __future__ import annotations

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

IDLE_SECONDS: Final = 20.0


class MailService:
    """Sends by SES, from several threads at once.

    The client must not retry by itself: SES has no idempotency token. `clock` gives epoch seconds; the
    monotonic clock stands still while a function is frozen.
    """

    def __init__(self, client: SESV2Client, *, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._called_at: float | None = None

    def send(self, request: Request) -> str | Fault:
        """Send once; the answer is SES's message id, or what went wrong."""
        self._leave_stale_connections()
        try:
            answer = self._client.send_email(**request.params)
            return _message_id(answer)
        except Exception as error:  # noqa: BLE001 - whatever breaks while an answer is read leaves doubt
            return _fault(error)

    def send_bulk(self, bulk: BulkRequest, entries: Sequence[int]) -> tuple[str | Fault, ...] | Fault:
        """Send these entries, at most 50, once; the answer is each one's message id or fault, in order.

        One fault is the whole call's.
        """
        chosen: Any = [bulk.entries[index] for index in entries]
        self._leave_stale_connections()
        try:
            answer = self._client.send_bulk_email(**bulk.params, BulkEmailEntries=chosen)
            results = answer["BulkEmailEntryResults"]
            if len(results) != len(chosen):
                reason = f"{len(results)} results for {len(chosen)} entries"
                return unanswered("UnreadableAnswer", reason)
            return tuple(_entry(result) for result in results)
        except Exception as error:  # noqa: BLE001 - whatever breaks while an answer is read leaves doubt
            return _fault(error)

    def _leave_stale_connections(self) -> None:
        """Connect anew after a pause.

        A connection that the other side has given up meanwhile breaks only once the request is on its way,
        which leaves doubt: the mail would wait long for an answer that a new connection gives at once.
        """
        with self._lock:
            now = self._clock()
            if self._called_at is not None and now - self._called_at > IDLE_SECONDS:
                self._client.close()
            self._called_at = now


def _message_id(answer: Mapping[str, Any]) -> str | Fault:
    message_id = answer.get("MessageId")
    if isinstance(message_id, str) and message_id:
        return message_id
    return unanswered("UnreadableAnswer", "SES answered without a message id")


def _entry(result: Mapping[str, Any]) -> str | Fault:
    status = result.get("Status", "")
    return _message_id(result) if status == ACCEPTED else classify_entry(status, result.get("Error", ""))


def _fault(error: Exception) -> Fault:
    match error:
        case ClientError():
            problem = error.response["Error"]
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            return classify(problem.get("Code", "Unknown"), problem.get("Message", ""), status)
        case ParamValidationError():
            # its text shows the values, which are the job's content
            return classify("ParamValidationError", "SES's parameters cannot be written so", None)
        case BotoCoreError():
            return classify(type(error).__name__, str(error), None)
        case _:
            return unanswered(type(error).__name__, "SES's answer cannot be read")

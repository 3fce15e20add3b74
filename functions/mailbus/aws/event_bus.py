"""The edge to EventBridge: packs entries, reads what failed, retries only that.

`PutEvents` answers 200 with failed entries inside, and takes ten entries a call
(https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html).
"""

from __future__ import annotations

import functools
import random
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import sessions
from mailbus.chunks import chunked
from mailbus.events import SOURCE, BusEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from types_boto3_events.client import EventBridgeClient
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef

ENTRIES_PER_CALL: Final = 10
# what EventBridge took when targets took no more, unless the settings say otherwise
ENTRY_BYTES: Final = 256 * 1024
# A whole call takes less than 1 MB. This is counted as it goes over the wire, where quotes and what is not
# ASCII are escaped: it is less however EventBridge counts. An entry alone in its call may be more there.
CALL_BYTES: Final = 1_000_000
# the names of an entry's fields, its time and its bus's name, and what stands around them
ENTRY_WIRE_BYTES: Final = 512
ATTEMPTS: Final = 4
BACKOFF_SECONDS: Final = 0.1
# What calls that fail may cost in all, plus the last one: the function has other work to finish in its time.
FAILURE_SECONDS: Final = 5.0
# What all calls together may take, unless the caller says otherwise: many events, of large merges, are not to
# take the time to settle the rest.
PUBLISH_SECONDS: Final = 20.0
# a call takes some 30 ms, most of it waiting
WORKERS: Final = 8
TIME_BYTES: Final = 14
TOO_LARGE: Final = "EntryTooLarge"
NOT_TRIED: Final = "NotTried"
# What is wrong with an entry stays wrong. Everything else, a missing permission too, can be mended
# while the event waits in its queue.
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
ENTRY_AT_FAULT: Final = frozenset({"InvalidArgument", "MalformedDetail", "ValidationException"})
# what EventBridge says of a call that is too large: that too is a ValidationException
# https://github.com/awslabs/aws-service-catalog-puppet/issues/563
OVER_THE_LIMIT: Final = "Total size of the entries in the request is over the limit"


class PublishFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Why one entry is not on the bus. A failure that is not `retryable` will never get there."""

    code: str
    reason: str
    retryable: bool


def entry_size(entry: BusEntry) -> int:
    """Count an entry's bytes as EventBridge does: time, source, detail-type, detail, resources.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
    """
    return TIME_BYTES + sum(len(text) if text.isascii() else len(text.encode()) for text in _texts(entry))


def wire_size(entry: BusEntry) -> int:
    """Count an entry's bytes in the request: JSON in JSON, all ASCII."""
    return ENTRY_WIRE_BYTES + sum(len(encode_basestring_ascii(text)) for text in _texts(entry))


def _texts(entry: BusEntry) -> tuple[str, ...]:
    return (SOURCE, entry.detail_type, entry.detail, *entry.resources)


def _failure(code: str, reason: str) -> PublishFailure:
    return PublishFailure(code=code, reason=reason, retryable=code not in ENTRY_AT_FAULT)


def _call_failure(error: ClientError | BotoCoreError) -> PublishFailure:
    if isinstance(error, ClientError) and _is_too_large(error):
        return PublishFailure(code=TOO_LARGE, reason=str(error), retryable=False)
    return _failure(sessions.error_code(error), str(error))


def _is_too_large(error: ClientError) -> bool:
    told = error.response
    status = told.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or OVER_THE_LIMIT in told["Error"].get("Message", "")


def _untried() -> PublishFailure:
    reason = "EventBridge took or failed for too long; the event waits in its queue"
    return PublishFailure(code=NOT_TRIED, reason=reason, retryable=True)


class EventBus:
    """Puts entries on one bus; the client need not retry.

    So many `workers` call side by side. An entry of more than `entry_bytes` is not put. `clock` gives
    seconds.
    """

    def __init__(  # noqa: PLR0913 - keyword-only options
        self,
        client: EventBridgeClient,
        name: str,
        *,
        entry_bytes: int = ENTRY_BYTES,
        workers: int = WORKERS,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._name = name
        self._entry_bytes = entry_bytes
        self._workers = workers
        self._sleep = sleep
        self._clock = clock

    def publish(
        self, entries: Sequence[BusEntry], *, seconds: float = PUBLISH_SECONDS
    ) -> dict[int, PublishFailure]:
        """Put all entries, several calls at a time; the answer has by position those that did not get there.

        Calls begin within so many `seconds`. What there was no time for is `NotTried`, and retryable.
        """
        until = self._clock() + seconds
        failures: dict[int, PublishFailure] = {}
        pending: list[tuple[int, int]] = []
        for index, entry in enumerate(entries):
            size = entry_size(entry)
            if size > self._entry_bytes:
                reason = f"the event has {size} bytes, the bus takes {self._entry_bytes}"
                failures[index] = PublishFailure(code=TOO_LARGE, reason=reason, retryable=False)
            else:
                pending.append((index, wire_size(entry)))
        lost = 0.0
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(random.uniform(0, BACKOFF_SECONDS * 2**attempt))  # noqa: S311 - jitter, no secret
            failed: dict[int, PublishFailure] = {}
            packed = (
                [index for index, _ in call]
                for call in chunked(
                    pending, ENTRIES_PER_CALL, most_bytes=CALL_BYTES, size=lambda sized: sized[1]
                )
            )
            for calls in chunked(packed, self._workers):
                if lost > FAILURE_SECONDS or self._clock() >= until:
                    failed |= {index: _untried() for call in calls for index in call}
                    continue
                answers = self._put_each(entries, calls)
                lost += max((seconds for refused, seconds in answers if refused), default=0.0)
                failed |= {index: failure for refused, _ in answers for index, failure in refused.items()}
            failures = {**{i: f for i, f in failures.items() if not f.retryable}, **failed}
            pending = [
                (index, size) for index, size in pending if index in failed and failed[index].retryable
            ]
            if not pending or lost > FAILURE_SECONDS or self._clock() >= until:
                break
        return failures

    def _put_each(
        self, entries: Sequence[BusEntry], calls: Sequence[Sequence[int]]
    ) -> list[tuple[dict[int, PublishFailure], float]]:
        """Make calls side by side; the answers hold each one's failures, and its seconds."""
        if len(calls) == 1:
            return [self._timed(entries, calls[0])]
        with ThreadPoolExecutor(max_workers=len(calls)) as pool:
            return list(pool.map(functools.partial(self._timed, entries), calls))

    def _timed(
        self, entries: Sequence[BusEntry], call: Sequence[int]
    ) -> tuple[dict[int, PublishFailure], float]:
        began = self._clock()
        refused = self._put(entries, call)
        return refused, self._clock() - began

    def _put(self, entries: Sequence[BusEntry], call: Sequence[int]) -> dict[int, PublishFailure]:
        try:
            answer = self._client.put_events(Entries=[self._request(entries[index]) for index in call])
        except (ClientError, BotoCoreError) as error:
            failure = _call_failure(error)
            if failure.retryable or len(call) == 1:
                return dict.fromkeys(call, failure)
            # one bad entry has the whole call refused, or all are too large together: each on its own
            alone = [self._put(entries, [index]) for index in call]
            return {index: failure for failures in alone for index, failure in failures.items()}
        if not answer["FailedEntryCount"]:
            return {}
        return {
            index: _failure(result["ErrorCode"], result.get("ErrorMessage", ""))
            for index, result in zip(call, answer["Entries"], strict=True)
            if "ErrorCode" in result
        }

    def _request(self, entry: BusEntry) -> PutEventsRequestEntryTypeDef:
        return {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": entry.detail_type,
            "Time": entry.time,
            "Detail": entry.detail,
            "Resources": entry.resources,
        }

"""The edge to EventBridge: puts entries in calls of ten, and retries only those that failed.

`PutEvents` answers 200 even if entries failed
(https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html).
"""

from __future__ import annotations

import random
import time
from http import HTTPStatus
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import sessions
from mailbus.bus_entries import BusEntry
from mailbus.chunks import chunked
from mailbus.environment import ENTRY_BYTES
from mailbus.events import SOURCE
from mailbus.side_by_side import SideBySide, in_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from types_boto3_events.client import EventBridgeClient
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef

ENTRIES_PER_CALL: Final = 10
# A call must have less than 1 MB. It is measured as sent, with quotes and non-ASCII characters escaped, which
# is never less than what EventBridge counts. An entry that is alone in its call may have more.
CALL_BYTES: Final = 1_000_000
# The field names of an entry, its time, the name of its bus, and the JSON around them.
ENTRY_WIRE_BYTES: Final = 512
# Ten entries of so few characters are within a call even if each is escaped as a surrogate pair (12 bytes).
# Nearly all entries are: measuring them takes 8 µs each.
SHORT_ENTRY_CHARACTERS: Final = (CALL_BYTES // ENTRIES_PER_CALL - ENTRY_WIRE_BYTES) // 12
TIME_BYTES: Final = 14
ATTEMPTS: Final = 4
BACKOFF_SECONDS: Final = 0.1
# After failed calls have taken this long, none is retried: the function needs the time for its other work.
FAILURE_SECONDS: Final = 5.0
# Calls begin within this time unless the caller chooses another, so that the many events of a large merge
# leave time to settle the rest.
PUBLISH_SECONDS: Final = 20.0
# A call takes about 30 ms, most of it waiting.
WORKERS: Final = 8
TOO_LARGE: Final = "EntryTooLarge"
NOT_TRIED: Final = "NotTried"
# The entry itself is wrong, and no retry helps. Everything else, such as a missing permission, can be fixed
# while the event waits in its queue.
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
ENTRY_AT_FAULT: Final = frozenset({"InvalidArgument", "MalformedDetail", "ValidationException"})
# EventBridge's message for a call that is too large, which is a ValidationException too:
# https://github.com/awslabs/aws-service-catalog-puppet/issues/563
OVER_THE_LIMIT: Final = "Total size of the entries in the request is over the limit"


class PublishFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Why one entry is not on the bus. If it is not `retryable`, no retry will help."""

    code: str
    reason: str
    retryable: bool


class _Pending(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that is not on the bus yet, at its position among those to publish."""

    index: int
    bus_entry: BusEntry
    wire_bytes: int


class _CallResult(msgspec.Struct, frozen=True, kw_only=True):
    """The failures of one call by position, and the time that it took."""

    failures: dict[int, PublishFailure]
    seconds: float


class _Budget:
    """The time for one `publish`, and how much of it failed calls have taken."""

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock = clock
        self._until = clock() + seconds
        self._failed_seconds = 0.0

    @property
    def is_exhausted(self) -> bool:
        return self._failed_seconds > FAILURE_SECONDS or self._clock() >= self._until

    def charge(self, results: Iterable[_CallResult]) -> None:
        """Add the longest failed call of those that were made in parallel."""
        self._failed_seconds += max((result.seconds for result in results if result.failures), default=0.0)


class EventBus:
    """Puts entries on one bus; the client need not retry.

    `workers` calls are made side by side. An entry of more than `entry_bytes` is not put. `clock` returns
    seconds, `uniform(low, high)` draws the jitter.
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
        uniform: Callable[[float, float], float] = random.uniform,
        side_by_side: SideBySide = in_threads,
    ) -> None:
        self._client = client
        self._name = name
        self._entry_bytes = entry_bytes
        self._workers = workers
        self._sleep = sleep
        self._clock = clock
        self._uniform = uniform
        self._side_by_side = side_by_side

    def publish(
        self, entries: Sequence[BusEntry], *, seconds: float = PUBLISH_SECONDS
    ) -> dict[int, PublishFailure]:
        """Put all entries, and return the failures by position.

        Calls begin within `seconds`. An entry for which there was no time is `NotTried`, and retryable.
        """
        budget = _Budget(self._clock, seconds)
        failures, pending = self._admit(entries)
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(self._uniform(0, BACKOFF_SECONDS * 2**attempt))
            failed = self._attempt(pending, budget)
            permanent = {index: failure for index, failure in failures.items() if not failure.retryable}
            failures = permanent | failed
            pending = [each for each in pending if each.index in failed and failed[each.index].retryable]
            if not pending or budget.is_exhausted:
                break
        return failures

    def _admit(self, entries: Sequence[BusEntry]) -> tuple[dict[int, PublishFailure], list[_Pending]]:
        """Separate the entries that are too large from those to put."""
        failures: dict[int, PublishFailure] = {}
        pending: list[_Pending] = []
        for index, bus_entry in enumerate(entries):
            size = entry_size(bus_entry)
            if size > self._entry_bytes:
                reason = f"the event has {size} bytes, the bus accepts {self._entry_bytes}"
                failures[index] = PublishFailure(code=TOO_LARGE, reason=reason, retryable=False)
            else:
                pending.append(_Pending(index=index, bus_entry=bus_entry, wire_bytes=wire_size(bus_entry)))
        return failures, pending

    def _attempt(self, pending: Iterable[_Pending], budget: _Budget) -> dict[int, PublishFailure]:
        """Put each entry once, as long as there is time."""
        failures: dict[int, PublishFailure] = {}
        calls = chunked(pending, ENTRIES_PER_CALL, most_bytes=CALL_BYTES, size=lambda each: each.wire_bytes)
        for side_by_side in chunked(calls, self._workers):
            if budget.is_exhausted:
                failures |= {each.index: _not_tried() for call in side_by_side for each in call}
                continue
            results = self._call_each(side_by_side)
            budget.charge(results)
            for result in results:
                failures |= result.failures
        return failures

    def _call_each(self, calls: Sequence[Sequence[_Pending]]) -> list[_CallResult]:
        return self._side_by_side(self._call, calls, self._workers)

    def _call(self, call: Sequence[_Pending]) -> _CallResult:
        began = self._clock()
        failures = self._put(call)
        return _CallResult(failures=failures, seconds=self._clock() - began)

    def _put(self, call: Sequence[_Pending]) -> dict[int, PublishFailure]:
        """Put the entries of one call, and return the failures by position."""
        try:
            answer = self._client.put_events(Entries=[self._request(each.bus_entry) for each in call])
        except (ClientError, BotoCoreError) as error:
            failure = _call_failure(error)
            if failure.retryable or len(call) == 1:
                return dict.fromkeys((each.index for each in call), failure)
            # EventBridge refuses a call for one bad entry, or if it is too large: put each entry alone
            alone = [self._put([each]) for each in call]
            return {index: failure for failures in alone for index, failure in failures.items()}
        if not answer["FailedEntryCount"]:
            return {}
        return {
            each.index: _failure(result["ErrorCode"], result.get("ErrorMessage", ""))
            for each, result in zip(call, answer["Entries"], strict=True)
            if "ErrorCode" in result
        }

    def _request(self, bus_entry: BusEntry) -> PutEventsRequestEntryTypeDef:
        return {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": bus_entry.detail_type,
            "Time": bus_entry.time,
            "Detail": bus_entry.detail,
            "Resources": bus_entry.resources,
        }


def entry_size(bus_entry: BusEntry) -> int:
    """Return an entry's bytes as EventBridge counts them: time, source, detail-type, detail, resources.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
    """
    texts = _texts(bus_entry)
    return TIME_BYTES + sum(len(text) if text.isascii() else len(text.encode()) for text in texts)


def wire_size(bus_entry: BusEntry) -> int:
    """Return an entry's bytes in the request: JSON in JSON, all ASCII.

    A short entry, which has less, counts as a tenth of a call.
    """
    texts = _texts(bus_entry)
    if sum(map(len, texts)) <= SHORT_ENTRY_CHARACTERS:
        return CALL_BYTES // ENTRIES_PER_CALL
    return ENTRY_WIRE_BYTES + sum(len(encode_basestring_ascii(text)) for text in texts)


def _texts(bus_entry: BusEntry) -> tuple[str, ...]:
    return (SOURCE, bus_entry.detail_type, bus_entry.detail, *bus_entry.resources)


def _call_failure(error: ClientError | BotoCoreError) -> PublishFailure:
    if isinstance(error, ClientError) and _is_too_large(error):
        return PublishFailure(code=TOO_LARGE, reason=str(error), retryable=False)
    return _failure(sessions.error_code(error), str(error))


def _is_too_large(error: ClientError) -> bool:
    answer = error.response
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or OVER_THE_LIMIT in answer["Error"].get(
        "Message", ""
    )


def _failure(code: str, reason: str) -> PublishFailure:
    return PublishFailure(code=code, reason=reason, retryable=code not in ENTRY_AT_FAULT)


def _not_tried() -> PublishFailure:
    reason = "EventBridge was too slow or unavailable; the event is retried from its queue"
    return PublishFailure(code=NOT_TRIED, reason=reason, retryable=True)

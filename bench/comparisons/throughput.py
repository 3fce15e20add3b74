"""The throughput of one worker with all guarantees, with an SES that answers in 50 ms and has no rate limit.

The baselines send one mail after the other: a script that calls boto3's `send_email`, and django-anymail's
backend with one connection. All call the same simulated SES, in turn.
"""

from __future__ import annotations

import collections
import contextlib
import io
import os
import time
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import msgspec
from aws_lambda_powertools import Logger

from bench.results import Goal
from bench.support import one_mail
from bench.support.comparison import compare
from bench.support.jobs import FUNCTION_NAME, body, record
from bench.support.services import running
from mailbus.aws.sqs import records
from sender import wiring
from sender.batch import process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.results import Result
    from bench.support.services import Services
    from sender.wiring import Sender

LATENCY_MS: Final = 50.0
NO_LIMIT: Final = 1_000_000.0
BASELINE_MAILS: Final = 20
ROUNDS: Final = {one_mail.BOTO3: 5, one_mail.ANYMAIL: 3}
FUNCTION_SECONDS: Final = 60.0
# by lane, with the default batch sizes: jobs per batch, batches per round
BATCHES: Final = {"send": (10, 10), "bulk": (100, 3)}
GOALS: Final = {("bulk", one_mail.BOTO3): Goal(of="ratio", at_most=1 / 16)}
# fields of the sender, with their names in the table of costs
PARTS: Final = {"ledger": "ledger", "pacer": "pacing", "mail": "SES", "bus": "bus"}


class Spans:
    """When calls of each field began and ended; parallel calls count once."""

    def __init__(self) -> None:
        self._spans: dict[str, list[tuple[float, float]]] = collections.defaultdict(list)

    def watch(self, part: str, watched: object) -> Any:  # noqa: ANN401 - passes for any part of the sender
        """Wrap an object, so that the times of its calls are recorded."""
        return _Watched(watched, self._spans[part])

    def seconds(self) -> dict[str, float]:
        """Return how many seconds calls of each field were in progress."""
        return {part: _covered(spans) for part, spans in self._spans.items()}


class _Watched:
    def __init__(self, watched: object, spans: list[tuple[float, float]]) -> None:
        self._watched = watched
        self._spans = spans

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._watched, name)

        def timed(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - any call of any part
            began = time.perf_counter()
            try:
                return call(*args, **named)
            finally:
                self._spans.append((began, time.perf_counter()))

        return timed


def measure() -> Iterator[Result]:
    """Compare the batches of both lanes with one call after the other."""
    with running() as services, mock.patch.dict(os.environ, services.environment):
        services.limit(max_send_rate=NO_LIMIT, latency_ms=LATENCY_MS)
        wiring.wire.cache_clear()
        for lane, (jobs, batches) in BATCHES.items():
            spans = Spans()
            sender = _watched(wiring.wire(FUNCTION_NAME), spans)
            taken: list[float] = []
            sending = _sending(services, sender, lane, (jobs, batches), taken)
            for name, way in one_mail.WAYS.items():
                with way(services.ses_url) as send:
                    result = compare(
                        f"a mail, one worker, batches of {jobs}, SES at {LATENCY_MS:.0f} ms",
                        ("sender", sending),
                        (name, _one_by_one(send)),
                        rounds=ROUNDS[name],
                        goal=GOALS.get((lane, name)),
                    )
                notes = _costs(spans, taken, jobs * batches) if name == one_mail.BOTO3 else ()
                yield msgspec.structs.replace(result, notes=notes)
        wiring.wire.cache_clear()


def _watched(sender: Sender, spans: Spans) -> Sender:
    watched = {field: spans.watch(part, getattr(sender, field)) for field, part in PARTS.items()}
    # its log lines are written, but not shown
    log = Logger(service="sender-bench", stream=io.StringIO())
    return msgspec.structs.replace(sender, **watched, log=log)


def _sending(
    services: Services, sender: Sender, lane: str, size: tuple[int, int], taken: list[float]
) -> Callable[[], float]:
    jobs, batches = size

    def run() -> float:
        events = [
            {"Records": [record(services.arns[lane], body()) for _ in range(jobs)]} for _ in range(batches)
        ]
        before = services.counted()["accepted"]
        began = time.perf_counter()
        for event in events:
            # the metrics of a batch are a line of the function's log
            with contextlib.redirect_stdout(io.StringIO()):
                answer = process(sender, records(event), time.time() + FUNCTION_SECONDS)
            assert answer == {"batchItemFailures": []}, answer  # noqa: S101 - what failed was not measured
        ended = time.perf_counter() - began
        assert services.counted()["accepted"] - before == jobs * batches  # noqa: S101 - as above
        taken.append(ended)
        return ended / (jobs * batches)

    return run


def _one_by_one(send: Callable[[], None]) -> Callable[[], float]:
    def run() -> float:
        began = time.perf_counter()
        for _ in range(BASELINE_MAILS):
            send()
        return (time.perf_counter() - began) / BASELINE_MAILS

    return run


def _costs(spans: Spans, taken: Sequence[float], mails: int) -> tuple[str, ...]:
    """Return the parts of a mail's time, including the warm-up."""
    total = sum(taken)
    parts = spans.seconds()
    each = 1000 / (mails * len(taken))
    rest = total - sum(parts.values())
    shares = {**parts, "reading, composing and the rest": rest}
    return tuple(
        f"{part}: {seconds * each:.2f} ms a mail, {seconds / total:.0%}" for part, seconds in shares.items()
    )


def _covered(spans: Sequence[tuple[float, float]]) -> float:
    covered, until = 0.0, 0.0
    for began, ended in sorted(spans):
        covered += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return covered

"""Enqueues many jobs by several threads, until all are or somebody stops it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.chunks import chunked
from mailbus.client import Result
from mailbus.errors import ConfigurationError, MailbusError
from mailbus_cli.sending.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from mailbus.client import Client

# a call of SQS takes ten
CHUNK: Final = 10
THREADS: Final = 8


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was not enqueued."""

    row: Row
    reason: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the jobs. `interrupted` is true after Ctrl-C, `stopped` says why no more were tried."""

    enqueued: tuple[Result, ...]
    failures: tuple[Failure, ...]
    untried: int
    interrupted: bool = False
    stopped: str | None = None


def enqueue(client: Client, rows: Sequence[Row], advance: Callable[[int], None]) -> Outcome:
    """Enqueue jobs; `advance` gets the number of those that are done. An error of settings ends it early."""
    stopped: str | None = None
    interrupted = False
    stop = threading.Event()

    def send(chunk: Sequence[Row]) -> list[Result]:
        return [] if stop.is_set() else client.send_many(row.job for row in chunk)

    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        futures: dict[Future[list[Result]], Sequence[Row]] = {
            pool.submit(send, chunk): chunk for chunk in chunked(rows, CHUNK)
        }
        try:
            for future in as_completed(futures):
                advance(len(future.result()))
                stopped = _fatal(future.result())
                if stopped:
                    break
        except KeyboardInterrupt:
            interrupted = True
        except MailbusError as error:
            stopped = str(error)
        stop.set()
        # what has begun is counted too
        pool.shutdown(wait=True, cancel_futures=True)
    ended = [
        pair
        for future, chunk in futures.items()
        if not future.cancelled() and future.exception() is None
        for pair in zip(chunk, future.result(), strict=False)
    ]
    return Outcome(
        enqueued=tuple(result for _, result in ended if result.error is None),
        failures=tuple(
            Failure(row=row, reason=str(result.error)) for row, result in ended if result.error is not None
        ),
        untried=len(rows) - len(ended),
        interrupted=interrupted,
        stopped=stopped,
    )


def _fatal(results: Sequence[Result]) -> str | None:
    errors = (result.error for result in results)
    return next((str(error) for error in errors if isinstance(error, ConfigurationError)), None)

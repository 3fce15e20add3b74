"""Makes calls at the same time, in threads for which the process does not wait when it is interrupted."""

from __future__ import annotations

import functools
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

A = TypeVar("A")
T = TypeVar("T")


def started(call: Callable[[], T], *, name: str | None = None) -> Future[T]:
    """Begin a call; the future has its result, or its error."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - whoever wants the result raises it
            future.set_exception(error)

    # daemons: those of an executor are waited for when the process ends
    threading.Thread(target=run, name=name, daemon=True).start()
    return future


def each(call: Callable[[A], T], arguments: Iterable[A]) -> list[T]:
    """Return the results of a call with each argument, in order; raise the first error."""
    running = [started(functools.partial(call, argument)) for argument in arguments]
    return [future.result() for future in running]

from __future__ import annotations

import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from mailbus_local.errors import EmbeddedAwsError
from mailbus_local.stop_signals import StopRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _handlers_are_restored() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_requests_a_stop(number: signal.Signals) -> None:
    stop = StopRequest()
    stop.listen()

    signal.raise_signal(number)

    assert stop.wait(0)
    assert stop.number == number


def test_a_closed_terminal_is_ignored_under_nohup() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = StopRequest()
    stop.listen()

    signal.raise_signal(signal.SIGHUP)

    assert not stop.wait(0)


def test_a_stop_can_be_requested_without_a_signal() -> None:
    stop = StopRequest()
    stop.request()

    assert stop.wait(0)
    assert stop.number == 0


def test_a_signal_ends_a_wait_at_once() -> None:
    stop = StopRequest()
    stop.listen()
    began = time.monotonic()
    main = threading.main_thread().ident
    assert main is not None
    sender = threading.Timer(0.05, signal.pthread_kill, (main, signal.SIGINT))
    sender.start()

    with pytest.raises(EmbeddedAwsError, match="stopped before the system was ready"):
        stop.sleep(60)

    sender.join()
    assert time.monotonic() - began < 30


def test_a_signal_may_come_at_any_moment_of_a_wait() -> None:
    # an event of `threading` is locked for some of them, and its handler would wait for this thread
    stop = StopRequest()
    stop.listen()

    def signal_at_each_line(frame: FrameType, event: str, _argument: object) -> Any:
        if frame.f_code.co_name == "_handle":
            return None
        if event == "line":
            signal.raise_signal(signal.SIGINT)
        return signal_at_each_line

    sys.settrace(signal_at_each_line)
    try:
        requested = stop.wait(0.01)
    finally:
        sys.settrace(None)

    assert requested

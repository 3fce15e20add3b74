from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from mailbus_local.stop_signals import StopRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

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

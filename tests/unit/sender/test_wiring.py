from __future__ import annotations

import json
import time
from typing import Any

import msgspec
import pytest

from mailbus.environment import to_environment
from sender.account_limits import HIGHER
from sender.rate.slots import Limits
from sender.wiring import wait_until, wire
from tests.unit.sender.settings import SETTINGS

pytestmark = pytest.mark.usefixtures("environment")
FUNCTION = "mailbus-dev-sender"


def test_the_sender_has_the_settings_of_the_environment() -> None:
    assert wire(FUNCTION).settings == SETTINGS


def test_calls_of_ses_have_the_timeout_of_the_settings_and_no_hidden_retry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = msgspec.structs.replace(SETTINGS, ses_read_timeout=40.0)
    for name, value in to_environment(slow).items():
        monkeypatch.setenv(name, value)
    mail: Any = wire(FUNCTION).mail
    config = mail._client.meta.config  # noqa: SLF001 - what the client was made with
    assert (config.read_timeout, config.retries["total_max_attempts"]) == (40.0, 1)


def test_another_rate_of_the_account_is_logged_and_is_a_metric_of_the_function(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    sender = wire(FUNCTION)
    pacer: Any = sender.pacer
    pacer._on_limits(Limits(max_send_rate=500.0))  # noqa: SLF001 - what the pacer was made with
    sender.write_metrics()
    assert [(record.name, record.levelname, record.message) for record in caplog.records] == [
        ("sender", "WARNING", HIGHER)
    ]
    counted = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (counted["UnexpectedRate"], counted["service"]) == ([1.0], FUNCTION)


def test_without_an_expected_rate_no_rate_is_unexpected(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EXPECTED_RATE")
    sender = wire(FUNCTION)
    pacer: Any = sender.pacer
    pacer._on_limits(Limits(max_send_rate=500.0))  # noqa: SLF001 - as above
    sender.write_metrics()
    assert caplog.records == []
    written = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert written["MaxSendRate"] == [500.0]
    assert "UnexpectedRate" not in written


def test_waiting_until_a_time_that_has_passed_does_not_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    wait_until(time.time() - 3600)
    assert slept == []

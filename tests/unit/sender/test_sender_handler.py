from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from infra.settings import Sender as SenderLimits
from mailbus.aws import CONNECT_TIMEOUT, READ_TIMEOUT, SHORT_READ_TIMEOUT
from mailbus.bus import TROUBLE_SECONDS
from mailbus.errors import ConfigurationError
from sender.handler import lambda_handler, wire
from sender.pacing import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator


ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "EVENT_BUS_NAME": "mailbus",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.example/dead",
    "SEND_QUEUE_URL": "https://sqs.example/send",
    "CONFIGURATION_SET_NAME": "mailbus",
    "MAX_ATTEMPTS": "5",
    "METADATA_IN_HEADERS": "true",
    "LEDGER_TABLE_NAME": "ledger",
    "RATE_CACHE_SECONDS": "60",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    wire.cache_clear()
    yield
    wire.cache_clear()


def test_a_missing_setting_is_named_at_the_first_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEND_QUEUE_URL")
    with pytest.raises(ConfigurationError, match="SEND_QUEUE_URL"):
        lambda_handler({"Records": []}, None)


def test_one_set_of_clients_serves_every_event() -> None:
    assert lambda_handler({"Records": []}, None) == {"batchItemFailures": []}
    assert wire() is wire()


def test_slow_answers_one_after_the_other_leave_the_function_time_to_acknowledge() -> None:
    last_mail_goes = 2 * PATIENCE
    ses = CONNECT_TIMEOUT + READ_TIMEOUT
    bus = TROUBLE_SECONDS + CONNECT_TIMEOUT + SHORT_READ_TIMEOUT
    assert last_mail_goes + ses + bus < SenderLimits().timeout_seconds


def test_importing_the_handler_reads_no_environment_and_makes_no_client() -> None:
    program = "import os; os.environ.clear(); import boto3; boto3.Session = None; import sender.handler"
    path = [folder for folder in sys.path if folder]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}; {program}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""

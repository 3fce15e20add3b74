from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mailbus.aws.event_bus import FAILURE_SECONDS
from mailbus.aws.sessions import CONNECT_TIMEOUT, SHORT_READ_TIMEOUT
from mailbus.environment import to_environment
from mailbus.errors import ConfigurationError
from mailbus.metrics import SENDING_PAUSED, WAITING_JOB_SECONDS, put_metric
from mailbus_cdk.limits import LEAST_SENDER_SECONDS, WITHOUT_SES_SECONDS
from sender.batch import ROUNDS_SECONDS
from sender.handler import lambda_handler
from sender.rate.gcra import TRANSACTIONAL_AHEAD
from sender.wiring import wait_until, wire
from tests.unit.fakes.lambda_context import FakeLambdaContext
from tests.unit.sender.fake_world import BULK_QUEUE, SEND_QUEUE, SETTINGS, World, letter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailbus.metrics import Metric

FUNCTION = "mailbus-dev-sender"


CONTEXT: Any = FakeLambdaContext(function_name=FUNCTION)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    for name, value in to_environment(SETTINGS).items():
        monkeypatch.setenv(name, value)
    wire.cache_clear()
    yield
    wire.cache_clear()


def event(*jobs: dict[str, Any], queue_arn: str = SEND_QUEUE, part: int | None = None) -> dict[str, Any]:
    attributes = {} if part is None else {"Part": {"stringValue": str(part), "dataType": "Number"}}
    return {
        "Records": [
            {
                "messageId": f"059f36b4-87a3-44ab-83d2-{number:012}",
                "receiptHandle": f"AQEB{number}",
                "body": json.dumps(job),
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": str(int(time.time() * 1000)),
                    "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                    "ApproximateFirstReceiveTimestamp": str(int(time.time() * 1000)),
                },
                "messageAttributes": attributes,
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs",
                "eventSourceARN": queue_arn,
                "awsRegion": "eu-west-1",
            }
            for number, job in enumerate(jobs)
        ]
    }


def test_a_missing_setting_is_named_at_the_first_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEND_QUEUE_URL")
    with pytest.raises(ConfigurationError, match="SEND_QUEUE_URL"):
        lambda_handler({"Records": []}, CONTEXT)


def test_an_event_that_is_not_of_a_queue_is_refused_with_what_to_do() -> None:
    with pytest.raises(ConfigurationError, match="invoke this function by its queue"):
        lambda_handler({"detail": {}}, CONTEXT)


def test_one_set_of_clients_serves_every_event() -> None:
    assert lambda_handler({"Records": []}, CONTEXT) == {"batchItemFailures": []}
    assert wire(FUNCTION) is wire(FUNCTION)


def test_the_settings_reach_what_the_sender_works_with() -> None:
    assert wire(FUNCTION).settings == SETTINGS


def test_an_event_of_a_queue_is_sent_and_answered_with_what_goes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.clock.now = time.time()
    monkeypatch.setattr("sender.handler.wire", lambda _: world.sender)
    world.queues.change_message_visibility = lambda **_: None  # type: ignore[method-assign] # no queue behind it
    job, throttled = letter("ann"), letter("bob", merge_data={"bob@example.org": {}})
    world.ses.answers = {"bob": ["ACCOUNT_THROTTLED"]}
    answer = lambda_handler(event(job, throttled), CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "059f36b4-87a3-44ab-83d2-000000000001"}]}
    assert world.ses.sent_to == ["ann"]


def test_an_event_that_comes_with_too_little_time_goes_back_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.clock.now = time.time()
    world.queues.change_message_visibility = lambda **_: None  # type: ignore[method-assign] # no queue behind it
    monkeypatch.setattr("sender.handler.wire", lambda _: world.sender)
    context: Any = FakeLambdaContext(5.0, function_name=FUNCTION)
    answer = lambda_handler(event(letter("ann"), letter("bob")), context)
    assert len(answer["batchItemFailures"]) == 2
    assert world.ses.requests == []


def test_the_number_of_a_part_and_the_lane_come_with_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.clock.now = time.time()
    monkeypatch.setattr("sender.handler.wire", lambda _: world.sender)
    part = letter("ann", merge_data={"ann@example.org": {}})
    assert lambda_handler(event(part, queue_arn=BULK_QUEUE, part=3), CONTEXT) == {"batchItemFailures": []}
    assert [mail.entry for mail in world.ses.mails] == ["3-0"]
    assert world.pace.asked == [([1], "bulk")]


def test_slow_answers_one_after_the_other_leave_the_function_time_to_acknowledge() -> None:
    last_mail_goes = ROUNDS_SECONDS + TRANSACTIONAL_AHEAD
    ses = SETTINGS.ses_connect_timeout + SETTINGS.ses_read_timeout
    bus = FAILURE_SECONDS + CONNECT_TIMEOUT + SHORT_READ_TIMEOUT
    assert last_mail_goes + ses + bus < LEAST_SENDER_SECONDS
    assert last_mail_goes + bus <= WITHOUT_SES_SECONDS


def test_ses_is_waited_for_as_the_settings_say_and_never_asked_twice_in_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = msgspec.structs.replace(SETTINGS, ses_read_timeout=40.0)
    for name, value in to_environment(slow).items():
        monkeypatch.setenv(name, value)
    mail: Any = wire(FUNCTION).mail
    config = mail._client.meta.config  # noqa: SLF001 - what the client was made with
    assert (config.read_timeout, config.retries["total_max_attempts"]) == (40.0, 1)


@pytest.mark.parametrize(("name", "unit"), [(SENDING_PAUSED, "Count"), (WAITING_JOB_SECONDS, "Seconds")])
def test_what_the_alarms_look_at_is_written_as_a_metric(
    name: Metric, unit: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # as deployed
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "sender")
    put_metric(FUNCTION, name, 3)
    written = json.loads(capsys.readouterr().out)
    assert written[name] == [3.0]
    assert written["service"] == FUNCTION
    (told,) = written["_aws"]["CloudWatchMetrics"]
    assert told == {
        "Namespace": "Mailbus",
        "Dimensions": [["service"]],
        "Metrics": [{"Name": name, "Unit": unit}],
    }


def test_a_moment_that_has_passed_is_not_waited_for() -> None:
    began = time.monotonic()
    wait_until(time.time() - 3600)
    assert time.monotonic() - began < 1


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

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import pytest

from mailbus.aws.event_bus import FAILURE_SECONDS
from mailbus.aws.sessions import CONNECT_TIMEOUT, SHORT_READ_TIMEOUT
from mailbus.errors import ConfigurationError
from mailbus_cdk.limits import LEAST_SENDER_SECONDS, WITHOUT_SES_SECONDS
from sender.batch import ROUNDS_SECONDS
from sender.handler import lambda_handler
from sender.rate.slots import LONGEST_AHEAD
from sender.wiring import wire
from tests.unit.fakes.lambda_context import FakeLambdaContext
from tests.unit.sender.jobs import letter
from tests.unit.sender.settings import BULK_QUEUE, SEND_QUEUE, SETTINGS
from tests.unit.sender.world import World

pytestmark = pytest.mark.usefixtures("environment")
FUNCTION = "mailbus-dev-sender"
CONTEXT: Any = FakeLambdaContext(function_name=FUNCTION)


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


def test_the_jobs_of_an_event_are_sent_and_those_to_retry_are_on_the_queue_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.clock.now = time.time()
    monkeypatch.setattr("sender.handler.wire", lambda _: world.sender)
    job, throttled = letter("ann"), letter("bob", merge_data={"bob@example.org": {}})
    world.ses.answers = {"bob": ["ACCOUNT_THROTTLED"]}
    answer = lambda_handler(event(job, throttled), CONTEXT)
    assert answer == {"batchItemFailures": []}
    assert world.waiting == ["059f36b4-87a3-44ab-83d2-000000000001"]
    assert world.ses.sent_to == ["ann"]


def test_an_event_with_too_little_time_is_requeued_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.clock.now = time.time()
    world.queues.change_message_visibility = lambda **_: None  # type: ignore[method-assign] # no queue behind it
    monkeypatch.setattr("sender.handler.wire", lambda _: world.sender)
    context: Any = FakeLambdaContext(5.0, function_name=FUNCTION)
    answer = lambda_handler(event(letter("ann"), letter("bob")), context)
    assert len(answer["batchItemFailures"]) == 2
    assert world.ses.requests == []


def test_the_message_has_the_number_of_its_part_and_its_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.clock.now = time.time()
    monkeypatch.setattr("sender.handler.wire", lambda _: world.sender)
    part = letter("ann", merge_data={"ann@example.org": {}})
    assert lambda_handler(event(part, queue_arn=BULK_QUEUE, part=3), CONTEXT) == {"batchItemFailures": []}
    assert [mail.entry for mail in world.ses.mails] == ["3-0"]
    assert world.pace.reserved == [([1], "bulk")]


def test_slow_answers_in_a_row_leave_the_function_time_to_acknowledge() -> None:
    last_mail_goes = ROUNDS_SECONDS + LONGEST_AHEAD
    ses = SETTINGS.ses_connect_timeout + SETTINGS.ses_read_timeout
    bus = FAILURE_SECONDS + CONNECT_TIMEOUT + SHORT_READ_TIMEOUT
    assert last_mail_goes + ses + bus < LEAST_SENDER_SECONDS
    assert last_mail_goes + bus <= WITHOUT_SES_SECONDS


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

"""docs/runbook.md: its commands run; a fault that is made raises its alarm, is seen and fixed as it says."""

from __future__ import annotations

import json
import re
import shlex
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mailbus.aws.sqs import WAITING_ATTRIBUTE, Waiting
from mailbus_cli import frame
from tests.architecture.source_tree import ROOT
from tests.e2e.refusing import refusing
from tests.e2e.sns import Sns, delivered, notification
from tests.e2e.system import eventually
from tests.e2e.test_dashboard import Written
from tests.unit.tracking.notifications import payload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from types_boto3_sqs.type_defs import MessageAttributeValueTypeDef

    from tests.e2e.commands import Commands
    from tests.e2e.system import System

PAGE = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^ *```sh\n(.*?)^ *```", PAGE, re.DOTALL | re.MULTILINE)
# tests/e2e/test_doctor.py runs these checks, with a DNS server of its own
ASK_DNS = {"mailbus doctor --stage prod", "mailbus doctor --stage prod --only mail-from --only spf"}
COMMANDS = list(dict.fromkeys(line.strip() for block in BLOCKS for line in block.splitlines()))


class Operator:
    """Whoever is on call: runs the page's commands for stage prod, in this process, which takes less time."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, command: str) -> str:
        """Run a command; return what it prints. It must neither be wrong nor fail unexpectedly."""
        program, *arguments = shlex.split(command)
        assert program == "mailbus"
        code = frame.run(arguments)
        printed = self._capsys.readouterr()
        # 1 is for what was found, or is not there
        assert code in {0, 1}, (command, printed.err)
        assert "unexpected" not in printed.err, (command, printed.err)
        return printed.out

    def sees(self, command: str, text: str) -> None:
        """Look until a command of the page prints a text."""
        assert command in COMMANDS
        eventually(lambda: text in self.run(command), f"{text} in {command}")


def on_call(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> Operator:
    """Have this process lead to the stage, with an editor that corrects a job."""
    editor = folder / "editor"
    editor.write_text('#!/bin/sh\nsed -i \'s/"tag"/"tags"/\' "$1"\n')
    editor.chmod(0o700)
    for name, value in {**commands.account(), "EDITOR": str(editor)}.items():
        monkeypatch.setenv(name, value)
    return Operator(capsys)


@pytest.fixture
def operator(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Operator:
    return on_call(commands, monkeypatch, capsys, tmp_path)


class Alarms:
    """The stage's alarms. What the functions and AWS measure is put into CloudWatch, as AWS does."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._cloudwatch = system.client("cloudwatch")
        self._by_name = {
            alarm["AlarmDescription"].split(":")[0].split()[-1]: alarm
            for page in self._cloudwatch.get_paginator("describe_alarms").paginate()
            for alarm in page["MetricAlarms"]
            if alarm.get("AlarmDescription", "").startswith("Mailbus local ")
        }

    def wait_for_measure(self, name: str, since: float) -> float:
        """Wait until the function of an alarm has measured what is above its threshold; return the value."""
        alarm = self._by_name[name]
        services = [one["Value"] for one in alarm["Dimensions"]]

        def above() -> list[float]:
            return [
                value
                for line in Written(self._system).lines()
                if [line["service"]] == services and line["_aws"]["Timestamp"] >= since * 1000
                for value in line.get(alarm["MetricName"], ())
                if value > alarm["Threshold"]
            ]

        return eventually(above, f"{alarm['MetricName']} above {alarm['Threshold']}")[-1]

    def measure(self, name: str, value: float) -> None:
        """Put a value of an alarm's metric; the embedded AWS evaluates the alarm at once."""
        alarm = self._by_name[name]
        self._cloudwatch.put_metric_data(
            Namespace=alarm["Namespace"],
            MetricData=[
                {"MetricName": alarm["MetricName"], "Dimensions": alarm["Dimensions"], "Value": value}
            ],
        )

    def clear(self, name: str) -> None:
        self._cloudwatch.set_alarm_state(
            AlarmName=self._by_name[name]["AlarmName"], StateValue="OK", StateReason="the end of a test"
        )


@pytest.fixture(scope="module")
def alarms(system: System) -> Alarms:
    return Alarms(system)


@pytest.fixture
def rings(alarms: Alarms, operator: Operator) -> Iterator[Callable[[str, float], None]]:
    """Check that an alarm rings of a value, for the doctor too."""
    rung: list[str] = []

    def check(name: str, value: float) -> None:
        alarms.measure(name, value)
        rung.append(name)
        eventually(lambda: name in operator.run("mailbus doctor --local --only alarms"), f"{name} rings")

    yield check
    for name in rung:
        alarms.clear(name)


def section(name: str) -> str:
    """The commands of a section."""
    return PAGE.partition(f"\n### {name}\n")[2].partition("\n### ")[0]


def look(name: str, containing: str = "") -> str:
    """The command of a section's "Look"."""
    block = section(name).partition("**Look**")[2].partition("```sh\n")[2].partition("```")[0]
    return next(line for line in block.splitlines() if containing in line)


def waiting_for(seconds: float) -> Mapping[str, MessageAttributeValueTypeDef]:
    """The attributes of a copy of a job that has waited for so long."""
    now = time.time()
    value = Waiting(
        message_id=f"first-{uuid.uuid4().hex}",
        sent_at=round((now - seconds) * 1000),
        receive_count=1,
        errors=0,
        copied_at=round(now * 1000),
    )
    return {WAITING_ATTRIBUTE: {"DataType": "String", "StringValue": msgspec.json.encode(value).decode()}}


def test_jobs_wait_while_sending_is_paused_and_for_too_long(
    system: System, alarms: Alarms, operator: Operator, rings: Callable[[str, float], None]
) -> None:
    since = time.time()
    ses = system.client("sesv2")
    ses.put_account_sending_attributes(SendingEnabled=False)
    job = system.job()
    system.client("sqs").send_message(
        QueueUrl=system.outputs["SendQueueUrl"],
        MessageBody=json.dumps(job),
        MessageAttributes=waiting_for(2000),
    )
    rings("SendingPaused", alarms.wait_for_measure("SendingPaused", since))
    rings("WaitingJobs", alarms.wait_for_measure("WaitingJobs", since))
    operator.sees(look("SendingPaused"), "sending is paused for the account")
    operator.sees(look("WaitingJobs"), job["job_id"])
    assert "outcome=retried error=SendingPausedException" in operator.run(look("WaitingJobs"))

    ses.put_account_sending_attributes(SendingEnabled=True)
    system.wait(1, job_id=system.send(), event_type="delivered")
    system.wait(1, job_id=job["job_id"], event_type="delivered")


def test_bulk_waits_while_its_lane_is_paused(
    system: System, alarms: Alarms, operator: Operator, rings: Callable[[str, float], None]
) -> None:
    since = time.time()
    operator.run('mailbus pause bulk --stage prod --reason "quota"')
    job = system.job()
    system.enqueue(json.dumps(job), "BulkQueueUrl")
    rings("LanePaused", alarms.wait_for_measure("LanePaused", since))
    operator.sees(look("LanePaused"), "by the operator: quota")
    operator.run('mailbus resume bulk --stage prod --reason "list of March removed"')
    system.wait(1, job_id=job["job_id"], event_type="delivered")


def test_the_quota_is_nearly_used(
    system: System, alarms: Alarms, operator: Operator, rings: Callable[[str, float], None]
) -> None:
    system.change_account(max_24_hour_send=1000, sent_last_24_hours=900)
    since = time.time()
    system.wait(1, job_id=system.send(), event_type="delivered")
    rings("QuotaNearlyUsed", alarms.wait_for_measure("QuotaNearlyUsed", since))
    operator.sees(look("QuotaNearlyUsed"), "90% of the 1,000 recipients of 24 hours are used")
    system.change_account(max_24_hour_send=50_000, sent_last_24_hours=0)


def test_the_accounts_rate_is_another(
    system: System, operator: Operator, rings: Callable[[str, float], None]
) -> None:
    system.change_account(max_send_rate=2_000)
    # the system on a laptop expects no rate, so that its sender measures none
    rings("UnexpectedRate", 1)
    operator.sees(look("UnexpectedRate", "doctor"), "2000 a second")


def test_calls_of_send_bulk_email_are_limited(
    system: System, alarms: Alarms, operator: Operator, rings: Callable[[str, float], None]
) -> None:
    since = time.time()
    rule = {"operation": "SendBulkEmail", "error": "TooManyRequestsException", "message": "Too many requests"}
    system.add_faults({**rule, "count": 1})
    to = [f"success+{number}@simulator.amazonses.com" for number in range(3)]
    job = system.send(to=to, merge_data={address: {"name": address} for address in to}, text="Dear {{name}}")
    rings("LimitedBulkCalls", alarms.wait_for_measure("LimitedBulkCalls", since))
    operator.sees(look("LimitedBulkCalls"), "SES limits calls of SendBulkEmail")
    system.wait(3, job_id=job, event_type="delivered")


def sent_event(**changed: object) -> dict[str, Any]:
    """SES's `Send` event of a mail that is not of this deployment."""
    event = payload("event_send")
    event["mail"] |= {"messageId": f"other-{uuid.uuid4().hex}", "tags": {}, **changed}
    return event


def test_an_event_is_late(system: System, alarms: Alarms, rings: Callable[[str, float], None]) -> None:
    since = time.time()
    late = sent_event(timestamp=(datetime.now(UTC) - timedelta(hours=1)).isoformat())
    system.publish("TrackingTopicArn", json.dumps(late))
    rings("LateEvents", alarms.wait_for_measure("LateEvents", since))


POISON = {
    "send": ("SendQueueUrl", "Send"),
    "tracking": ("TrackingQueueUrl", "Tracking"),
    "inbound": ("InboundQueueUrl", "Inbound"),
    "timeline": ("TimelineQueueUrl", "Timeline"),
}


@pytest.mark.parametrize("queue", POISON)
def test_what_cannot_be_processed_is_seen_and_deleted(
    system: System, operator: Operator, rings: Callable[[str, float], None], queue: str
) -> None:
    output, name = POISON[queue]
    mark = uuid.uuid4().hex
    system.enqueue(f"poison {mark}", output)
    command = f"mailbus dead-letters list --local --queue {queue} --json"

    def found() -> list[dict[str, Any]]:
        return [
            one
            for one in json.loads(operator.run(command))["letters"]
            if mark in operator.run(f"mailbus dead-letters show --local --body {one['id']}")
        ]

    [letter] = eventually(found, f"a dead letter of {queue}")
    rings(f"{name}DeadLetters", 1)
    operator.sees(look(f"{name}DeadLetters"), letter["error"])
    shown = operator.run(f"mailbus dead-letters show --stage prod {letter['id']}")
    title = shown.strip().rpartition("docs/runbook.md: ")[2]
    assert f"`{letter['error']}`" in section(title)
    assert operator.run(f"mailbus dead-letters delete --stage prod {letter['id']} --yes").endswith(
        "deleted\t\n"
    )


def test_a_function_that_dies_is_in_the_logs(
    system: System, operator: Operator, rings: Callable[[str, float], None]
) -> None:
    with system.deployed_with("Recorder", TIMELINE_DAYS="many"):
        system.wait(1, job_id=system.send(), event_type="delivered")
        operator.sees(look("TimelineErrors", "logs"), "TIMELINE_DAYS")
        rings("TimelineErrors", 1)


def test_the_guard_fails_and_somebody_pauses_the_lane(
    system: System, operator: Operator, rings: Callable[[str, float], None]
) -> None:
    message = {"Records": [{"Sns": {"Message": "no alarm", "Timestamp": "2026-11-30T10:00:00.000Z"}}]}
    answer = system.client("lambda").invoke(
        FunctionName=system.outputs["GuardFunctionName"], Payload=json.dumps(message).encode()
    )
    assert answer["FunctionError"]
    rings("GuardDeadLetters", 1)
    operator.sees(look("GuardDeadLetters", "logs"), "InvalidNotification")
    operator.run('mailbus pause bulk --stage prod --reason "the guard could not"')
    operator.sees(look("GuardDeadLetters", "doctor"), "the guard could not")
    operator.run('mailbus resume bulk --stage prod --reason "list of March removed"')


WEBHOOK = {
    "RefusedMessages": "message refused",
    "UnconfirmedSubscriptions": "subscription not confirmed",
    "WebhookErrors": "message not processed",
}


def test_the_webhook_says_what_it_refuses_and_what_it_cannot_do(
    system: System, operator: Operator, rings: Callable[[str, float], None]
) -> None:
    sns = Sns(system)
    forged = {**sns.sign(notification(delivered("forged"))), "Message": "forged"}
    assert sns.post(forged).status_code == 403
    sns.subscribe(sns.client.create_topic(Name="somebody-elses")["TopicArn"], "tracking")
    with (
        refusing("ServiceUnavailable") as sqs,
        system.deployed_with("Receiver", AWS_ENDPOINT_URL_SQS=sqs.url),
    ):
        assert sns.post(sns.sign(notification(delivered("not queued")))).status_code == 503
    sns.close()
    for name, text in WEBHOOK.items():
        rings(name, 1)
        operator.sees(look(name), text)


@pytest.mark.parametrize(
    ("name", "value"),
    [("BounceReview", 0.06), ("ComplaintReview", 0.0015), ("TransactionalInFlight", 96_001.0)],
)
def test_an_alarm_on_a_metric_of_aws_rings_and_the_doctor_names_it(
    rings: Callable[[str, float], None], name: str, value: float
) -> None:
    rings(name, value)


def test_the_commands_of_the_page_run(system: System, operator: Operator) -> None:
    system.send(job_id="ticket-3317", tag=["tickets"])
    operator.sees(look("SendDeadLetters"), "ticket-3317")
    assert len(COMMANDS) > 40
    # a command of several errors once: reading a queue to its end takes a second
    once = {re.sub(r"--queue send --error \w+", "", command): command for command in COMMANDS}
    for command in once.values():
        if command.startswith("mailbus pause transactional"):
            # what was redriven would wait
            system.wait(1, job_id="ticket-3317", event_type="delivered")
        if command not in ASK_DNS:
            operator.run(command)
    system.wait(1, job_id="ticket-3317", event_type="delivered")

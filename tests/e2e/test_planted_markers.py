"""Secrets and the content of mail are marked, and the marks looked for where they must not be."""

from __future__ import annotations

import base64
import json
import uuid
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.e2e.sns import Sns, delivered, notification

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.system import System

BLOCKED: Final = {"filename": "a.exe", "content_type": "application/octet-stream", "content": "AAEC"}
#: Changes of a valid job, and the class of the error that its dead letter names.
REFUSED: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "a job with an unknown field": ({"subjet": "Hello"}, "InvalidJob"),
    "a job with a wrong address": ({"to": ["no address"]}, "InvalidJob"),
    "a job with a file that SES blocks": ({"attachments": [BLOCKED]}, "SendError"),
}


class Marks:
    """Texts that are nowhere else, by what each marks."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def __getitem__(self, what: str) -> str:
        return self._texts.setdefault(what, f"mark{uuid.uuid4().hex}")

    def add(self, what: str, text: str) -> None:
        self._texts[what] = text

    def found_in(self, text: str) -> list[str]:
        return [what for what, mark in self._texts.items() if mark in text]


class Seen:
    """What a run of marked mail and requests left: events, dead letters, and records to find in logs."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.letters: list[dict[str, Any]] = []
        self.answers: list[str] = []
        self.addresses = Marks()


@pytest.fixture(scope="module")
def sns(system: System) -> Iterator[Sns]:
    found = Sns(system)
    yield found
    found.close()


@pytest.fixture(scope="module")
def marks() -> Marks:
    return Marks()


@pytest.fixture(scope="module")
def seen(system: System, sns: Sns, marks: Marks) -> Seen:
    seen = Seen()
    _send(system, marks, seen)
    _refuse(system, marks, seen)
    _receive(system, marks, seen)
    _poison(system, marks, seen)
    _knock(sns, marks, seen)
    system.wait_for_log("Receiver", "message refused")
    return seen


def _content(marks: Marks, kind: str) -> dict[str, Any]:
    file = base64.b64encode(marks[f"the file of {kind}"].encode()).decode()
    marks.add(f"the file of {kind}, encoded", file)
    return {
        "text": marks[f"the text of {kind}"],
        "html": f"<p>{marks[f'the HTML of {kind}']}</p>",
        "attachments": [{"filename": "a.txt", "content_type": "text/plain", "content": file}],
    }


def _send(system: System, marks: Marks, seen: Seen) -> None:
    recipient = f"bounce+{seen.addresses['a recipient']}@simulator.amazonses.com"
    job_id = system.send(to=[recipient], **_content(marks, "a mail that bounced"))
    for event_type in ("queued", "bounced"):  # in no certain order
        seen.events += system.wait(1, job_id=job_id, event_type=event_type)


def _refuse(system: System, marks: Marks, seen: Seen) -> None:
    jobs = {kind: system.send(**{**_content(marks, kind), **change}) for kind, (change, _) in REFUSED.items()}
    for kind, job_id in jobs.items():
        seen.events += system.wait(1, job_id=job_id)
        letter = system.dead_letter("SendDeadLetterQueueUrl", job_id)
        assert letter["Error"] == REFUSED[kind][1], kind
        system.wait_for_log("Sender", letter["OriginalMessageId"])
        seen.letters.append(letter)


def _receive(system: System, marks: Marks, seen: Seen) -> None:
    mail = EmailMessage()
    mail["From"] = sender = f"{seen.addresses['a sender']}@example.org"
    mail["To"], mail["Subject"] = "support@inbound.example.com", "Hello"
    mail.set_content("See the file.")
    mail.add_attachment(marks["the file of a received mail"], filename="a.txt")
    seen.events += system.wait(1, message_id=system.receive(mail.as_bytes(), sender=sender))


def _poison(system: System, marks: Marks, seen: Seen) -> None:
    """Publish what SES never says; it names its mark, so it is found by that."""
    for topic, queue, function in (
        ("TrackingTopicArn", "TrackingDeadLetterQueueUrl", "Tracker"),
        ("InboundTopicArn", "InboundDeadLetterQueueUrl", "Reader"),
    ):
        mark = marks[f"a poisonous message of {topic}"]
        system.publish(topic, f"poison {mark}")
        letter = system.dead_letter(queue, mark)
        system.wait_for_log(function, letter["OriginalMessageId"])
        seen.letters.append(letter)


def _knock(sns: Sns, marks: Marks, seen: Seen) -> None:
    """Call the webhook with a wrong password, and with the right one and a forged message."""
    marks.add("the password of the webhook", sns.credentials()[1])
    message = sns.sign(notification(delivered(f"0102-{uuid.uuid4()}-000000")))
    wrong = sns.post(message, credentials=("sns", marks["a wrong password"]))
    forged = sns.post({**message, "Message": marks["a forged message"]})
    assert (wrong.status_code, forged.status_code) == (401, 403)
    seen.answers += [wrong.text, forged.text, str(wrong.headers), str(forged.headers)]


def _logged(system: System) -> list[str]:
    """Return what all functions logged."""
    logs = system.client("logs")
    return [
        event["message"]
        for groups in logs.get_paginator("describe_log_groups").paginate()
        for group in groups["logGroups"]
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        for event in page["events"]
    ]


def test_no_log_has_a_secret_or_content(system: System, marks: Marks, seen: Seen) -> None:
    text = "\n".join(_logged(system))
    assert all(letter["OriginalMessageId"] in text for letter in seen.letters)
    assert marks.found_in(text) == []


def test_no_log_has_an_address(system: System, seen: Seen) -> None:
    assert seen.addresses.found_in(json.dumps(seen.events)) == ["a recipient", "a sender"]
    assert seen.addresses.found_in("\n".join(_logged(system))) == []


def test_no_event_has_a_secret_or_a_body_or_a_file(marks: Marks, seen: Seen) -> None:
    assert {event["event_type"] for event in seen.events} >= {"queued", "bounced", "failed", "inbound"}
    assert marks.found_in(json.dumps(seen.events)) == []


def test_no_reason_of_a_dead_letter_has_a_secret_or_content(marks: Marks, seen: Seen) -> None:
    for letter in seen.letters:
        attributes = {name: value for name, value in letter.items() if name != "body"}
        assert {"Error", "Reason", "OriginalMessageId"} <= attributes.keys()
        assert marks.found_in(json.dumps(attributes)) == []


@pytest.mark.parametrize("table", ["LedgerTableName", "TimelineTableName"])
def test_no_table_has_a_secret_or_content(system: System, marks: Marks, seen: Seen, table: str) -> None:
    assert seen.events
    pages = system.client("dynamodb").get_paginator("scan").paginate(TableName=system.outputs[table])
    items = [item for page in pages for item in page["Items"]]
    assert items
    assert marks.found_in(json.dumps(items, default=str)) == []


def test_no_answer_environment_template_or_output_has_a_secret(
    system: System, marks: Marks, seen: Seen
) -> None:
    formation = system.client("cloudformation")
    stacks = formation.describe_stacks()["Stacks"]
    texts = {
        "the webhook's answers": seen.answers,
        "functions": system.client("lambda").list_functions()["Functions"],
        "outputs": [stack.get("Outputs", []) for stack in stacks],
        "templates": [
            formation.get_template(StackName=stack["StackName"])["TemplateBody"] for stack in stacks
        ],
        "parameters": system.client("ssm").get_parameters_by_path(Path="/mailbus", Recursive=True),
    }
    for where, text in texts.items():
        assert marks.found_in(json.dumps(text, default=str)) == [], where


def test_the_marks_are_where_they_were_planted(sns: Sns, marks: Marks, seen: Seen) -> None:
    for letter in seen.letters:
        assert marks.found_in(letter["body"])
    assert marks.found_in(json.dumps(sns.credentials())) == ["the password of the webhook"]

"""What became of each mail, through the deployed stacks: recorded, read, redriven and erased."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from mailbus import Timeline
from mailbus.timeline import items
from tests.e2e.system import eventually

if TYPE_CHECKING:
    from mailbus.timeline.mails import TimelineMail
    from tests.e2e.commands import Commands
    from tests.e2e.local import Local
    from tests.e2e.system import System

BOUNCE = "bounce@simulator.amazonses.com"
SUBJECT = "A subject that nobody may keep"
Tracked = dict[str, bool]


@pytest.fixture
def timeline(local: Local) -> Timeline:
    return Timeline(stage="local", ssm=local.client("ssm"), dynamodb=local.client("dynamodb"))


def statuses(timeline: Timeline, job_id: str) -> dict[str | None, str]:
    return {mail.recipient: mail.status for mail in timeline.by_job(job_id)}


def wait_for(timeline: Timeline, job_id: str, **expected: str) -> tuple[TimelineMail, ...]:
    """Wait until the mails of a job have these statuses, by the local parts of their recipients."""

    def probe() -> bool:
        found = {str(address).partition("@")[0]: of for address, of in statuses(timeline, job_id).items()}
        return found == expected

    eventually(probe, f"{job_id} with {expected}")
    return timeline.by_job(job_id)


def _delivered(events: tuple[dict[str, Any], ...], job_id: str) -> int:
    details = [event["detail"] for event in events]
    return sum((each.get("job_id"), each["event_type"]) == (job_id, "delivered") for each in details)


def test_a_job_is_followed_to_each_of_its_recipients(system: System, timeline: Timeline) -> None:
    ann = f"ann-{uuid.uuid4().hex}@example.net"
    job_id = system.send(to=[ann, BOUNCE], subject=SUBJECT, tags=["receipt"], metadata={"order": 7})
    local_part = ann.partition("@")[0]
    wait_for(timeline, job_id, **{local_part: "delivered", "bounce": "bounced"})

    def whole() -> bool:
        (mail,) = timeline.by_recipient(ann)
        types = {kept.entry["detail-type"] for kept in timeline.events(mail)}
        return types == {"email.queued", "email.sent", "email.delivered"}

    eventually(whole, "all events")
    mails = timeline.by_job(job_id)
    (of_ann,) = timeline.by_recipient(ann.replace("example.net", "EXAMPLE.net"))
    assert of_ann in mails
    assert (of_ann.job_id, of_ann.tags) == (job_id, ("receipt",))
    bounced = next(mail for mail in mails if mail.recipient == BOUNCE)
    assert bounced.deciding is not None
    assert "550" in str(bounced.deciding.text)
    assert bounced.message_id == of_ann.message_id
    assert {mail.recipient for mail in timeline.by_message(str(of_ann.message_id))} == {ann, BOUNCE}
    assert of_ann in timeline.newest().mails

    # late, repeated, and from SES again
    message_id = of_ann.message_id
    system.simulator.post(f"events/{message_id}", json={"event_type": "bounce", "recipient": ann})
    wait_for(timeline, job_id, **{local_part: "bounced_late", "bounce": "bounced"})
    system.simulator.post(f"events/{message_id}", json={"event_type": "delivery", "recipient": ann})
    # within one second it has the id of the first one
    assert system.wait_until(lambda events: _delivered(events, job_id) > 1)
    system.wait_until_empty("TimelineQueueUrl")
    assert statuses(timeline, job_id)[ann] == "bounced_late"


def test_what_failed_before_acceptance_is_overtaken_when_it_is_sent_again(
    system: System, timeline: Timeline
) -> None:
    job = system.job(subjet="typo")
    system.enqueue(json.dumps(job))
    eventually(lambda: list(statuses(timeline, job["job_id"]).values()) == ["not_sent"], "it is not sent")
    letter = system.dead_letter("SendDeadLetterQueueUrl", job["job_id"])
    fixed = {name: value for name, value in json.loads(letter["body"]).items() if name != "subjet"}
    system.enqueue(json.dumps(fixed))
    (mail,) = wait_for(timeline, job["job_id"], success="delivered")
    assert mail.message_id is not None

    def complete() -> bool:
        types = {kept.entry["detail-type"] for kept in timeline.events(mail)}
        return {"email.failed", "email.queued", "email.delivered"} <= types

    eventually(complete, "the events of both tries are recorded")


def test_a_poisonous_message_is_kept_with_its_reason_and_an_event_is_redriven(
    system: System, timeline: Timeline
) -> None:
    mark = uuid.uuid4().hex
    job_id = system.send(subject=SUBJECT)
    wait_for(timeline, job_id, success="delivered")
    (detail,) = system.wait(1, job_id=job_id, event_type="delivered")
    event = next(one for one in system.whole_events() if one["detail"] == detail)
    redriven = {**event, "detail": {**event["detail"], "message_id": mark, "job_id": mark}}
    newer = {**redriven, "detail": {**redriven["detail"], "event_type": "teleported", "event_id": mark}}
    for body in (f"poison {mark}", json.dumps(redriven), json.dumps(newer)):
        system.enqueue(body, "TimelineQueueUrl")
    letter = system.dead_letter("TimelineDeadLetterQueueUrl", mark)
    assert (letter["body"], letter["Error"]) == (f"poison {mark}", "InvalidEvent")
    assert letter["Reason"].startswith("not JSON")

    def recorded() -> bool:
        return [len(timeline.events(mail)) for mail in timeline.by_message(mark)] == [2]

    eventually(recorded, "both events are recorded")
    assert [mail.status for mail in timeline.by_message(mark)] == [event["detail"]["event_type"]]


def test_received_mail_is_kept_by_its_envelope(system: System, timeline: Timeline) -> None:
    raw = f"From: ada@example.org\r\nTo: support@inbound.example.com\r\nSubject: {SUBJECT}\r\n\r\nHello\r\n"
    message_id = system.receive(raw.encode())

    def found() -> Any:
        return next((mail for mail in timeline.received().mails if mail.message_id == message_id), None)

    mail = eventually(found, "the received mail")
    assert (mail.envelope_sender, mail.event_type) == ("ada@example.org", "inbound")
    assert mail.envelope_recipients == ("support@inbound.example.com",)
    assert mail.raw is not None


def test_a_recipient_is_erased(system: System, timeline: Timeline, commands: Commands, local: Local) -> None:
    eve = f"eve-{uuid.uuid4().hex}@example.net"
    job_id = system.send(to=[eve, BOUNCE], tags=["private"], metadata={"name": "Eve"})
    wait_for(timeline, job_id, **{eve.partition("@")[0]: "delivered", "bounce": "bounced"})
    system.wait_until_empty("TimelineQueueUrl")

    asked = commands("erase", eve, "--local")
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    erased = commands("erase", eve, "--stage", "prod", "--yes", "--json", environment=commands.account())
    assert erased.returncode == 0, erased.stderr
    report = json.loads(erased.stdout)
    assert (report["removed"]["mails"], report["ledger"]["jobs"]) == (1, 1)
    assert report["removed"]["events"] >= 3
    kept = {place["what"].partition(":")[0]: place["kept"] for place in report["elsewhere"]}
    assert kept["dead letters"].startswith("14 days")

    assert statuses(timeline, job_id) == {BOUNCE: "bounced"}
    scanned = local.client("dynamodb").get_paginator("scan")
    for page in scanned.paginate(TableName=local.outputs["TimelineTableName"]):
        for item in page["Items"]:
            of_event = item["sk"]["S"].startswith(items.EVENT)
            text = str(items.read_event(item).entry if of_event else item)
            assert eve not in text
            assert SUBJECT not in text
    record = system.ledger_record(job_id)
    assert record is not None
    assert (record.metadata, record.tags) == ((), ())
    assert record.fingerprint
    # the ledger still knows that it is sent
    assert list(record.accepted) == [0]
    again = commands("erase", eve, "--local", "--yes")
    assert again.returncode == 0
    assert "The address may still be in:" in again.stdout

from __future__ import annotations

import json
from collections import Counter

import pytest

from sender.preparing import is_memory_heavy
from tests.unit.sender.answers import UNANSWERED
from tests.unit.sender.clock import moment
from tests.unit.sender.fake_ses import Lost
from tests.unit.sender.jobs import letter, newsletter, people
from tests.unit.sender.settings import DAY, DEAD_LETTERS, START
from tests.unit.sender.world import World


@pytest.mark.parametrize(
    ("body", "job_id", "description"),
    [
        ("not JSON", "sqs-0", "$: is not valid JSON"),
        ("", "sqs-0", "$: is not valid JSON"),
        ("[]", "sqs-0", "$: "),
        ('{"job_id": "job-1", "subjet": ""}', "job-1", "$.subjet: is unknown; did you mean"),
        ('{"job_id": "job-1", "job_id": "job-2"}', "sqs-0", "$"),
        ('{"from_email": "a@example.com", "text": ""}', "sqs-0", "$.to: has no recipients"),
        ('{"job_id": "a b", "from_email": "a@example.com"}', "sqs-0", "$.job_id: "),
        (json.dumps(letter(subject="a\r\nBcc: eve@example.org")), "job-ann", "$.subject: "),
        (json.dumps(letter(text="\ud800")), "sqs-0", "$"),
        (json.dumps(letter(schema_version=2)), "job-ann", "$.schema_version: "),
        ("[" * 100_000, "sqs-0", "$: "),
    ],
)
def test_a_job_that_cannot_be_read_fails_once_and_is_dead_lettered_with_its_reason(
    body: str, job_id: str, description: str
) -> None:
    world = World()
    world.queues.put(body)
    world.deliver()
    assert world.queues.messages == {}
    [event] = world.published
    assert (event["event_type"], event["recipient"]) == ("failed", None)
    assert event["job_id"] in {job_id, "job-ann"}
    assert event["description"].startswith(description)
    [dead] = world.queues.dead
    assert (dead["QueueUrl"], dead["MessageBody"]) == (DEAD_LETTERS, body)
    assert dead["MessageAttributes"]["Error"]["StringValue"] in {"InvalidJob", "UnsupportedFeature"}
    assert dead["MessageAttributes"]["Path"]["StringValue"] == event["description"].partition(":")[0]
    assert world.dynamodb.items == {}


def test_a_job_that_cannot_become_a_mail_fails_for_each_recipient() -> None:
    world = World()
    world.put(to=["ann", "bob"], esp_extra={"Colour": "blue"})
    world.deliver()
    assert world.recipients_of("failed") == ["ann", "bob"]
    assert world.published[0]["description"].startswith("$.esp_extra")
    assert (world.ses.requests, len(world.queues.dead), world.queues.messages) == ([], 1, {})


def test_a_job_without_an_id_has_the_id_of_its_message() -> None:
    world = World()
    world.put(job_id=None)
    world.put(job_id=None)
    world.deliver()
    assert {mail.job_id for mail in world.ses.mails} == {"sqs-0", "sqs-1"}


def test_an_expired_job_is_not_sent() -> None:
    world = World()
    world.put(expires_at=moment(-1))
    world.deliver()
    assert (world.ses.requests, world.recipients_of("failed"), world.queues.messages) == ([], ["ann"], {})
    assert world.codes[0] == "Expired"


def test_a_foreign_part_attribute_makes_no_part_of_a_job() -> None:
    world = World()
    world.queues.put(json.dumps(letter()), part=3)
    world.ses.calls = [Lost(UNANSWERED)]
    world.deliver()
    # SES's event names the job alone
    world.report_sends()
    world.run()
    assert (world.ses.sent_to, world.recipients_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})


def test_a_foreign_part_attribute_does_not_prevent_a_merge_from_being_split() -> None:
    world = World()
    world.queues.put(json.dumps(letter(**newsletter(60))), part=3)
    world.run()
    assert sorted(world.ses.sent_to) == sorted(people(60))


def test_files_in_s3_of_send_defaults_make_a_job_memory_heavy_unless_it_has_its_own() -> None:
    defaults = {
        "attachments": [{"filename": "terms.pdf", "s3": {"bucket": "shop-invoices", "key": "terms.pdf"}}]
    }
    plain, own = letter(), letter(attachments=[])
    assert not is_memory_heavy(plain, {})
    assert is_memory_heavy(plain, defaults)
    assert not is_memory_heavy(own, defaults)


def test_a_job_over_a_year_ahead_is_refused() -> None:
    world = World()
    world.put(send_at=START + 367 * DAY)
    world.deliver()
    assert (world.recipients_of("failed"), world.scheduler.schedules, world.queues.messages) == (
        ["ann"],
        {},
        {},
    )
    assert world.reasons[0].startswith("$.send_at: is more than a year ahead")


def test_a_job_for_later_that_can_never_be_sent_is_refused_at_once() -> None:
    world = World()
    world.put(send_at=START + DAY, esp_extra={"Colour": "blue"})
    world.deliver()
    assert (world.recipients_of("failed"), world.scheduler.schedules, world.queues.messages) == (
        ["ann"],
        {},
        {},
    )


def test_a_large_merge_that_ses_could_never_take_is_refused_once_and_not_for_each_part() -> None:
    world = World()
    world.put(**newsletter(130), headers={f"X-{number}": "a" for number in range(16)})
    world.deliver()
    assert (len(world.queues.dead), world.queues.messages, world.ses.requests) == (1, {}, [])


def test_an_expired_large_merge_is_refused_for_each_recipient() -> None:
    world = World()
    world.put(**newsletter(60), expires_at=START - 1)
    world.run()
    assert world.ses.requests == []
    assert sorted(world.recipients_of("failed")) == sorted(people(60))


def test_an_expired_large_merge_is_refused_in_parts_that_a_worker_has_time_for() -> None:
    world = World()
    world.put(**newsletter(5000), expires_at=START - 1)
    calls: list[int] = []
    while world.queues.messages:
        before = len(world.events.calls)
        world.deliver()
        calls.append(len(world.events.calls) - before)
        world.wait(1)
    assert max(calls) <= 50
    assert Counter(world.recipients_of("failed")) == dict.fromkeys(people(5000), 1)
    assert (len(world.queues.dead), world.ses.requests) == (100, [])

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from sender.batch import process
from tests.unit.sender.answers import REJECTED, UNANSWERED, UNREACHABLE
from tests.unit.sender.clock import moment
from tests.unit.sender.fake_ses import Lost
from tests.unit.sender.jobs import newsletter, people
from tests.unit.sender.settings import DAY, FUNCTION_SECONDS, START, VISIBILITY_SECONDS
from tests.unit.sender.world import World


def test_two_messages_of_one_job_in_a_batch_are_one_mail() -> None:
    world = World()
    world.put()
    world.put()
    world.run(10)
    assert (world.ses.sent_to, world.recipients_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})
    assert sorted(world.outcomes) == ["duplicate", "queued"]


def test_a_job_that_is_enqueued_again_later_is_one_mail_with_one_event() -> None:
    world = World()
    world.put()
    world.deliver()
    world.wait(3600)
    world.put()
    world.deliver()
    assert (world.ses.sent_to, len(world.published), world.queues.messages) == (["ann"], 1, {})


def test_a_job_that_another_worker_holds_waits_for_its_outcome() -> None:
    world = World()
    world.put()

    def meanwhile() -> None:
        world.ses.on_call = lambda: None
        world.put()
        world.deliver()
        assert world.outcomes == ["postponed"]

    world.ses.on_call = meanwhile
    process(world.sender, world.queues.receive(), world.clock.now + FUNCTION_SECONDS)
    del world.queues.messages["sqs-0"]
    world.run()
    assert (world.ses.sent_to, world.recipients_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})


def test_the_same_id_with_other_content_is_refused_and_never_sent() -> None:
    world = World()
    world.put()
    world.deliver()
    world.put(subject="Something else")
    world.deliver()
    assert world.ses.sent_to == ["ann"]
    assert world.published[-1]["event_type"] == "failed"
    assert world.published[-1]["error_code"] == world.codes[0] == "JobIdConflict"
    assert world.reasons[0].startswith("$.job_id: belongs to a job with other content")


@pytest.mark.parametrize(
    "fields",
    [
        {"expires_at": moment(-1)},
        {"send_at": START + 400 * DAY},
        {"attachments": [{"filename": "a.pdf", "s3": {"bucket": "shop-invoices", "key": "missing.pdf"}}]},
    ],
)
def test_the_same_id_with_content_that_is_refused_itself_is_a_conflict_too(fields: dict[str, Any]) -> None:
    world = World()
    world.put()
    world.deliver()
    world.put(**fields)
    world.deliver()
    failed = world.published[-1]
    assert (failed["event_type"], failed["error_code"], failed["job_id"]) == (
        "failed",
        "JobIdConflict",
        "job-ann",
    )
    assert world.codes == ["JobIdConflict"]


INVALID = json.dumps({"job_id": "job-ann", "from_email": "shop@example.com", "subjet": "Hello"})


def test_the_same_id_in_a_message_that_is_no_valid_job_is_a_conflict_too() -> None:
    world = World()
    world.put()
    world.deliver()
    world.queues.put(INVALID)
    world.deliver()
    failed = world.published[-1]
    assert (failed["event_type"], failed["error_code"], failed["job_id"]) == (
        "failed",
        "JobIdConflict",
        "job-ann",
    )
    assert (world.codes, world.queues.messages) == (["JobIdConflict"], {})


def test_an_invalid_job_whose_id_is_not_in_use_is_invalid() -> None:
    world = World()
    world.ses.calls = [REJECTED]
    world.put()
    world.deliver()
    world.queues.put(INVALID)
    world.deliver()
    assert world.codes == ["MessageRejected", "InvalidJob"]


def test_an_invalid_job_is_reported_though_the_ledger_does_not_answer() -> None:
    world = World()
    world.dynamodb.errors = [UNREACHABLE] * 9
    world.queues.put(INVALID)
    world.deliver()
    assert (world.codes, world.queues.messages) == (["InvalidJob"], {})


def test_the_same_id_with_other_content_in_one_batch_is_refused() -> None:
    world = World()
    world.put()
    world.put(subject="Something else")
    world.run(10)
    assert len(world.ses.mails) == len(world.queues.dead) == 1
    assert world.queues.messages == {}


def test_the_same_id_with_another_time_is_refused() -> None:
    world = World()
    world.put(send_at=START + DAY)
    world.put(send_at=START + 2 * DAY)
    world.deliver()
    assert (len(world.scheduler.schedules), len(world.queues.dead)) == (1, 1)
    assert world.reasons[0].startswith("$.job_id: ")


def test_a_redelivered_message_repeats_the_same_event_and_sends_nothing() -> None:
    world = World()
    world.put()
    [record] = world.queues.receive()
    process(world.sender, [record], world.clock.now + FUNCTION_SECONDS)
    world.wait(VISIBILITY_SECONDS)
    world.deliver()
    assert world.ses.sent_to == ["ann"]
    assert len(world.published) == 2
    assert world.published[0] == world.published[1]
    assert world.queues.messages == {}


def test_a_failed_job_sent_again_from_the_dead_letter_queue_is_tried_again() -> None:
    world = World()
    world.ses.calls = [REJECTED]
    world.put()
    world.deliver()
    world.resend(world.queues.dead[0])
    world.deliver()
    assert (world.ses.sent_to, world.recipients_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})


def test_a_failed_job_may_be_fixed_and_sent_under_its_own_id() -> None:
    world = World()
    world.ses.calls = [REJECTED]
    world.put()
    world.deliver()
    world.put(from_email="hello@verified.example")
    world.deliver()
    assert world.ses.sent_to == ["ann"]
    assert len(world.queues.dead) == 1


def test_a_mail_accepted_in_time_does_not_fail_if_its_events_are_published_after_its_expiry() -> None:
    world = World()
    world.events.outages = [UNREACHABLE] * 4
    world.put(expires_at=moment(1))
    world.deliver()
    world.wait(60)
    world.run()
    assert (world.recipients_of("queued"), world.recipients_of("failed")) == (["ann"], [])
    assert (world.queues.dead, world.queues.messages) == ([], {})


def test_a_job_sent_in_time_does_not_fail_if_it_is_enqueued_again_after_its_expiry() -> None:
    world = World()
    world.put(expires_at=moment(1))
    world.deliver()
    world.wait(60)
    world.put(expires_at=moment(1))
    world.run()
    assert (world.recipients_of("failed"), world.queues.dead, world.queues.messages) == ([], [], {})


def test_an_expired_mail_in_doubt_is_settled_by_its_event() -> None:
    world = World()
    world.ses.calls = [Lost(UNANSWERED)]
    world.put(expires_at=moment(1))
    world.deliver()
    world.wait(30)
    world.deliver()
    assert (world.published, world.queues.dead) == ([], [])
    world.report_sends()
    world.run()
    assert (world.recipients_of("queued"), world.recipients_of("failed")) == (["ann"], [])


def test_a_begun_merge_that_new_send_defaults_turn_into_an_ordinary_mail_is_refused() -> None:
    world = World(send_defaults={"merge_global_data": {}})
    world.put(to=["ann", "ben"])
    world.ses.answers = {"ann": ["TRANSIENT_FAILURE"]}
    world.deliver()
    world.configure(send_defaults={})
    world.run()
    assert (world.ses.sent_to, world.recipients_of("failed"), world.queues.messages) == (
        ["ben"],
        ["ann", "ben"],
        {},
    )
    assert "other content, of its own or from send_defaults" in world.reasons[0]


def test_a_scheduled_job_that_new_send_defaults_turn_into_a_merge_is_sent_as_one() -> None:
    world = World()
    world.put(to=["ann", "ben"], send_at=START + DAY)
    world.deliver()
    world.configure(send_defaults={"merge_global_data": {}})
    world.come_due()
    world.run()
    assert (world.ses.sent_to, world.recipients_of("queued")) == (["ann", "ben"], ["ann", "ben"])


def test_a_sent_merge_stays_sent_if_new_send_defaults_turn_it_into_an_ordinary_mail() -> None:
    world = World(send_defaults={"merge_global_data": {}})
    world.put(to=["ann", "ben"])
    world.events.outages = [UNREACHABLE] * 4
    world.deliver()
    world.configure(send_defaults={})
    world.run()
    assert (world.ses.sent_to, world.recipients_of("failed"), world.queues.messages) == (
        ["ann", "ben"],
        [],
        {},
    )


def test_a_worker_that_ends_before_it_saves_leaves_doubt_that_the_event_settles() -> None:
    world = World()
    world.put()
    world.dynamodb.before = lambda: None
    [record] = world.queues.receive()

    def killed() -> None:
        if len(world.ses.mails) == 1:
            raise KeyboardInterrupt

    world.dynamodb.before = killed
    with pytest.raises(KeyboardInterrupt):
        process(world.sender, [record], world.clock.now + FUNCTION_SECONDS)
    world.dynamodb.before = lambda: None
    world.report_sends()
    world.run()
    assert (world.ses.sent_to, world.recipients_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})


def test_a_mail_without_answer_and_event_is_sent_again_after_the_doubt_seconds() -> None:
    world = World()
    world.ses.calls = [UNANSWERED]
    world.put()
    world.run(119)
    assert len(world.ses.requests) == 1
    world.run()
    assert (world.ses.sent_to, world.recipients_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})
    assert world.record().attempts == {"unknown": 1}


def test_a_mail_that_is_never_answered_for_is_given_up_after_three_resends() -> None:
    world = World()
    world.ses.calls = [UNANSWERED] * 20
    world.put()
    world.run(DAY)
    assert len(world.ses.requests) == 4
    assert (world.recipients_of("failed"), world.queues.messages) == (["ann"], {})
    assert world.codes[0] == "OutcomeUnknown"
    assert world.record().unknown == (0,)


def test_with_on_unknown_fail_an_unknown_outcome_fails() -> None:
    world = World(on_unknown="fail")
    world.ses.calls = [Lost(UNANSWERED)]
    world.put()
    world.run(DAY)
    assert world.ses.sent_to == ["ann"]
    assert (world.recipients_of("failed"), len(world.queues.dead), world.queues.messages) == (["ann"], 1, {})
    assert world.reasons[0].startswith("OutcomeUnknown: SES may have accepted the mail")


@pytest.mark.parametrize("broken", ["bus", "dead letters"])
def test_an_unknown_outcome_is_reported_even_if_the_bus_or_the_dead_letter_queue_fails_first(
    broken: str,
) -> None:
    world = World(on_unknown="fail")
    world.ses.calls = [Lost(UNANSWERED)]
    world.put()
    if broken == "bus":
        world.events.outages = [UNREACHABLE] * 4
    else:
        world.queues.errors["send_message"] = [UNREACHABLE]
    world.run(DAY)
    assert world.ses.sent_to == ["ann"]
    assert (world.recipients_of("failed"), len(world.queues.dead), world.queues.messages) == (["ann"], 1, {})


def test_with_on_unknown_fail_entries_that_stay_unknown_fail() -> None:
    world = World(on_unknown="fail")
    world.ses.answers = {"c1": [Lost(UNANSWERED)], "c2": ["TRANSIENT_FAILURE"]}
    world.put(**newsletter(4))
    world.run(DAY)
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(4), 1)
    assert (sorted(world.recipients_of("queued")), world.recipients_of("failed")) == (
        ["c0", "c2", "c3"],
        ["c1"],
    )
    assert (len(world.queues.dead), world.queues.messages) == (1, {})
    assert world.reasons[0].startswith("OutcomeUnknown")


def test_failed_entries_are_not_retried_if_the_others_turn_out_to_be_accepted() -> None:
    world = World()
    world.ses.answers = {"c0": ["MESSAGE_REJECTED"], "c1": [Lost(UNANSWERED)], "c2": ["INVALID_PARAMETER"]}
    world.put(**newsletter(3))
    world.deliver()
    assert (world.recipients_of("rejected"), world.recipients_of("failed"), world.queues.dead) == (
        ["c0"],
        ["c2"],
        [],
    )
    world.report_sends()
    world.run()
    assert (world.ses.sent_to, len(world.ses.requests)) == (["c1"], 1)
    assert (world.recipients_of("rejected"), world.recipients_of("failed")) == (["c0"], ["c2"])
    assert (world.recipients_of("queued"), world.queues.messages) == (["c1"], {})
    assert "2 of 3 recipients failed (INVALID_PARAMETER, MESSAGE_REJECTED)" in world.reasons[0]
    world.resend(world.queues.dead.pop())
    world.run()
    assert sorted(world.ses.sent_to) == people(3)

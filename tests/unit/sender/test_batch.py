"""What becomes of ordinary jobs: accepted, refused, repeated, and with services away."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from mailbus.aws.event_bus import ENTRY_BYTES
from mailbus.jobs.metadata import MAX_METADATA_BYTES
from sender.batch import process
from sender.rate.gcra import QuotaExhausted, RetryAfter, SendAt
from tests.unit.fakes.dynamodb import refused
from tests.unit.sender.fake_world import (
    BULK_QUEUE,
    DEAD_LETTERS,
    FUNCTION_SECONDS,
    START,
    VISIBILITY_SECONDS,
    Lost,
    World,
    letter,
    refusal,
)

if TYPE_CHECKING:
    from sender.rate.gcra import Decision

URL = "https://email.eu-west-1.amazonaws.com"
UNANSWERED = ReadTimeoutError(endpoint_url=URL)
THROTTLED = refusal("TooManyRequestsException", "Maximum sending rate exceeded.", 429)
QUOTA = refusal("TooManyRequestsException", "Daily message quota exceeded.", 429)
PAUSED = refusal("SendingPausedException")
REJECTED = refusal("MessageRejected", "Email address is not verified.")
AWAY = EndpointConnectionError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com")


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(START + seconds, UTC).isoformat()


def test_an_accepted_mail_is_announced_for_each_recipient_and_acknowledged() -> None:
    world = World()
    world.put(to=["ann", "bob"], bcc=["eve@example.org"], metadata={"order": 17}, tags=["welcome"])
    world.deliver()
    assert world.queues.messages == {}
    assert [event["recipient"] for event in world.told] == [
        "ann@example.org",
        "bob@example.org",
        "eve@example.org",
    ]
    event = world.told[0]
    assert (event["event_type"], event["job_id"]) == ("queued", "job-ann")
    assert event["message_id"] == world.ses.mails[0].message_id
    assert (event["metadata"], event["tags"]) == ({"order": 17}, ["welcome"])
    assert event["message_tags"] == {"mailbus-job-id": ["job-ann"]}
    assert event["timestamp"] == "2026-11-22T12:00:00Z"
    assert len({event["event_id"] for event in world.told}) == 3
    assert world.outcomes == ["queued"]


def test_ses_gets_the_envelope_the_job_id_and_the_configuration_set() -> None:
    world = World()
    world.put(cc=["Bob <bob@example.org>"], bcc=["eve@example.org"])
    world.deliver()
    [request] = world.ses.requests
    assert request["Destination"] == {
        "ToAddresses": ["ann@example.org"],
        "CcAddresses": ["bob@example.org"],
        "BccAddresses": ["eve@example.org"],
    }
    assert request["EmailTags"] == [{"Name": "mailbus-job-id", "Value": "job-ann"}]
    assert request["ConfigurationSetName"] == "mailbus-dev"
    message = message_from_bytes(request["Content"]["Raw"]["Data"], policy=policy.default)
    assert message["Subject"] == "Willkommen, Jürgen"
    assert message["Bcc"] is None


def test_the_ledger_remembers_an_accepted_mail_for_as_long_as_the_settings_say() -> None:
    world = World()
    world.put(metadata={"order": 17}, tags=["welcome"])
    world.deliver()
    record = world.record()
    assert record.accepted == {0: world.ses.mails[0].message_id}
    assert (record.open, record.lease_until, record.failed) == ((), 0.0, {})
    assert (record.metadata, record.tags) == (({"order": 17},), ("welcome",))
    assert record.expires_at == START + 7 * 24 * 3600


def test_a_batch_is_one_claim_and_one_write_however_many_its_jobs() -> None:
    world = World()
    for name in "abcdefghij":
        world.put(to=name)
    world.deliver()
    assert sorted(world.ses.sent_to) == list("abcdefghij")
    assert world.dynamodb.calls == [("TransactWriteItems", 10), ("BatchWriteItem", 10)]


def test_mails_are_paced_by_recipients_in_the_lane_of_their_queue() -> None:
    world = World()
    world.put(to=["ann", "bob"], cc=["eve@example.org"])
    world.queues.put(json.dumps(letter("kim")))
    world.deliver()
    world.queues.put(json.dumps(letter("dan")), queue_arn=BULK_QUEUE)
    world.deliver()
    assert world.pace.asked == [([3, 1], "transactional"), ([1], "bulk")]


def test_a_mail_leaves_at_its_turn() -> None:
    world = World()
    world.pace.turns = [lambda count: [SendAt(due=START + 1.5 * at) for at in range(count)]]
    left: list[float] = []
    world.ses.during = lambda: left.append(world.clock.now)
    world.put(to="ann")
    world.put(to="bob")
    world.deliver()
    assert min(left) >= START
    assert max(left) == START + 1.5


def test_a_job_without_a_turn_waits_for_it_in_the_function() -> None:
    world = World()
    world.pace.turns = [lambda count: [RetryAfter(seconds=4.0)] * count]
    world.put()
    world.deliver()
    assert (world.ses.sent_to, world.queues.messages) == (["ann"], {})
    assert world.clock.now == START + 4.0


def test_a_job_whose_turn_is_too_far_goes_back_until_then_and_counts_no_attempt() -> None:
    world = World()
    world.pace.turns = [lambda count: [RetryAfter(seconds=30.0)] * count]
    message_id = world.put()
    world.deliver()
    assert world.queues.hidden == [(message_id, 35)]
    assert (world.ses.requests, world.dynamodb.items) == ([], {})
    world.run()
    assert world.ses.sent_to == ["ann"]


def test_jobs_of_one_id_do_not_make_the_function_ask_for_turns_without_a_pause() -> None:
    world = World()

    def at_three(count: int) -> list[Decision]:
        left = START + 3.0 - world.clock.now
        assert len(world.pace.asked) < 5
        return [RetryAfter(seconds=left) if left > 0 else SendAt(due=world.clock.now)] * count

    world.pace.turns = [at_three] * 100
    world.put()
    world.put()
    world.deliver()
    assert world.ses.sent_to == ["ann"]
    assert sorted(world.outcomes) == ["duplicate", "queued"]


# ---- jobs that can never be sent


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
def test_a_job_that_cannot_be_read_fails_once_and_is_kept_with_its_reason(
    body: str, job_id: str, description: str
) -> None:
    world = World()
    world.queues.put(body)
    world.deliver()
    assert world.queues.messages == {}
    [event] = world.told
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
    assert world.told_of("failed") == ["ann", "bob"]
    assert world.told[0]["description"].startswith("$.esp_extra")
    assert (world.ses.requests, len(world.queues.dead), world.queues.messages) == ([], 1, {})


def test_a_mail_that_ses_rejects_is_announced_as_such_and_kept() -> None:
    world = World()
    world.ses.calls = [REJECTED]
    world.put()
    world.deliver()
    [event] = world.told
    assert (event["event_type"], event["reject_reason"]) == ("rejected", "blocked")
    assert event["description"].startswith("MessageRejected: Email address is not verified: ")
    assert world.queues.dead[0]["MessageAttributes"]["Code"]["StringValue"] == "MessageRejected"
    assert (world.queues.messages, world.outcomes) == ({}, ["rejected"])


def test_a_mail_that_ses_refuses_for_good_fails_without_a_reject_reason() -> None:
    world = World()
    world.ses.calls = [refusal("NotFoundException", "No such configuration set.", 404)]
    world.put()
    world.deliver()
    assert [(e["event_type"], e["reject_reason"]) for e in world.told] == [("failed", None)]


def test_a_failed_job_sent_again_from_the_dead_letter_queue_is_tried_anew() -> None:
    world = World()
    world.ses.calls = [REJECTED]
    world.put()
    world.deliver()
    world.resend(world.queues.dead[0])
    world.deliver()
    assert (world.ses.sent_to, world.told_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})


def test_a_failed_job_may_be_mended_under_its_own_id() -> None:
    world = World()
    world.ses.calls = [REJECTED]
    world.put()
    world.deliver()
    world.put(from_email="hello@verified.example")
    world.deliver()
    assert world.ses.sent_to == ["ann"]
    assert len(world.queues.dead) == 1


def test_the_largest_metadata_leaves_an_event_that_the_bus_takes() -> None:
    world = World()
    world.put(metadata={str(number): "x" * 1000 for number in range(MAX_METADATA_BYTES // 1100)})
    world.deliver()
    assert world.told_of("queued") == ["ann"]
    assert len(world.events.taken[0]["Detail"]) < ENTRY_BYTES


# ---- the same id


def test_two_messages_of_one_job_in_a_batch_are_one_mail() -> None:
    world = World()
    world.put()
    world.put()
    world.run(10)
    assert (world.ses.sent_to, world.told_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})
    assert sorted(world.outcomes) == ["duplicate", "queued"]


def test_a_job_that_is_enqueued_again_later_is_one_mail_announced_once() -> None:
    world = World()
    world.put()
    world.deliver()
    world.wait(3600)
    world.put()
    world.deliver()
    assert (world.ses.sent_to, len(world.told), world.queues.messages) == (["ann"], 1, {})


def test_a_job_is_forgotten_after_the_ledgers_days_and_then_is_a_new_one() -> None:
    world = World()
    world.put()
    world.deliver()
    world.wait(7 * 24 * 3600 + 1)
    world.put()
    world.deliver()
    assert world.ses.sent_to == ["ann", "ann"]


def test_a_job_that_another_worker_has_in_hand_waits_for_what_becomes_of_it() -> None:
    world = World()
    world.put()

    def meanwhile() -> None:
        world.ses.during = lambda: None
        world.put()
        world.deliver()
        assert world.outcomes == ["postponed"]

    world.ses.during = meanwhile
    process(world.sender, world.queues.receive(), world.clock.now + FUNCTION_SECONDS)
    del world.queues.messages["sqs-0"]
    world.run()
    assert (world.ses.sent_to, world.told_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})


def test_the_same_id_with_other_content_is_refused_and_never_sent() -> None:
    world = World()
    world.put()
    world.deliver()
    world.put(subject="Something else")
    world.deliver()
    assert world.ses.sent_to == ["ann"]
    assert world.told[-1]["event_type"] == "failed"
    assert world.reasons[0].startswith("$.job_id: is the id of a job with other content")


def test_the_same_id_with_other_content_in_one_batch_is_refused() -> None:
    world = World()
    world.put()
    world.put(subject="Something else")
    world.run(10)
    assert len(world.ses.mails) == len(world.queues.dead) == 1
    assert world.queues.messages == {}


def test_a_job_without_an_id_is_known_by_its_message() -> None:
    world = World()
    world.put(job_id=None)
    world.put(job_id=None)
    world.deliver()
    assert {mail.job_id for mail in world.ses.mails} == {"sqs-0", "sqs-1"}


def test_a_redelivered_message_announces_the_same_event_and_sends_nothing() -> None:
    world = World()
    world.put()
    [record] = world.queues.receive()
    process(world.sender, [record], world.clock.now + FUNCTION_SECONDS)
    world.wait(VISIBILITY_SECONDS)
    world.deliver()
    assert world.ses.sent_to == ["ann"]
    assert len(world.told) == 2
    assert world.told[0] == world.told[1]
    assert world.queues.messages == {}


# ---- SES does not take it now


@pytest.mark.parametrize(
    ("answer", "seconds", "attempts", "tries"),
    [
        (THROTTLED, 2, {"throttled": 1}, {}),
        (QUOTA, 7200, {}, {}),
        (PAUSED, 15, {"paused": 1}, {}),
        (ConnectTimeoutError(endpoint_url=URL), 2, {}, {0: 1}),
    ],
)
def test_a_job_that_may_pass_goes_back_for_as_long_as_its_error_asks(
    answer: Exception, seconds: int, attempts: dict[str, int], tries: dict[int, int]
) -> None:
    world = World()
    world.ses.calls = [answer]
    message_id = world.put()
    world.deliver()
    assert world.queues.hidden == [(message_id, seconds)]
    assert (world.told, world.queues.dead) == ([], [])
    assert (world.record().attempts, world.record().tries) == (attempts, tries)
    assert (world.record().open, world.record().lease_until) == ((), 0.0)
    world.run(7200)
    assert (world.ses.sent_to, world.told_of("queued")) == (["ann"], ["ann"])


@pytest.mark.parametrize("answer", [THROTTLED, QUOTA, PAUSED])
def test_a_job_waits_for_the_account_however_often(answer: Exception) -> None:
    world = World()
    world.ses.calls = [answer] * 40
    world.put()
    world.run(14 * 24 * 3600)
    assert (world.ses.sent_to, world.queues.dead, world.queues.messages) == (["ann"], [], {})


def test_sending_that_is_paused_is_counted_for_the_alarm() -> None:
    world = World()
    world.ses.calls = [PAUSED, PAUSED]
    for name in ("ann", "bob", "kim"):
        world.put(to=name)
    world.deliver()
    assert ("SendingPaused", 2) in world.measured


def test_the_accounts_quota_is_waited_for_before_ses_is_asked() -> None:
    world = World()
    world.pace.turns = [lambda count: [QuotaExhausted()] * count]
    message_id = world.put()
    world.deliver()
    assert world.queues.hidden == [(message_id, 7200)]
    assert (world.ses.requests, world.dynamodb.items) == ([], {})


def test_a_failure_that_may_pass_is_given_up_after_so_many_attempts() -> None:
    world = World()
    world.ses.calls = [ConnectTimeoutError(endpoint_url=URL)] * 20
    world.put()
    world.run(24 * 3600)
    assert len(world.ses.requests) == 5
    assert (world.told_of("failed"), len(world.queues.dead), world.queues.messages) == (["ann"], 1, {})
    assert world.queues.dead[0]["MessageAttributes"]["Code"]["StringValue"] == "ConnectTimeoutError"


def test_waiting_for_the_rate_takes_no_attempt_away() -> None:
    world = World()
    world.ses.calls = [*[THROTTLED] * 8, *[ConnectTimeoutError(endpoint_url=URL)] * 4]
    world.put()
    world.run(24 * 3600)
    assert (world.ses.sent_to, world.queues.dead) == (["ann"], [])


def test_a_job_that_waited_as_long_as_sqs_lets_it_fails_before_sqs_drops_it_silently() -> None:
    world = World()
    world.ses.calls = [PAUSED]
    message_id = world.put()
    world.queues.messages[message_id].receive_count = 989
    world.deliver()
    assert (world.told_of("failed"), world.queues.messages) == (["ann"], {})
    assert world.queues.dead[0]["MessageAttributes"]["Code"]["StringValue"] == "SendingPausedException"


@pytest.mark.parametrize("turn", [RetryAfter(seconds=60.0), QuotaExhausted()])
def test_a_job_that_never_gets_a_turn_fails_before_sqs_drops_it_silently(
    turn: RetryAfter | QuotaExhausted,
) -> None:
    world = World()
    world.pace.turns = [lambda count: [turn] * count]
    message_id = world.put()
    world.queues.messages[message_id].sent_at = START - 13 * 24 * 3600
    world.deliver()
    assert [(event["event_type"], event["job_id"]) for event in world.told] == [("failed", "job-ann")]
    assert world.queues.dead[0]["MessageAttributes"]["Code"]["StringValue"] == "WaitedTooLong"
    assert "send it again as it is" in world.reasons[0]
    assert (world.ses.requests, world.queues.messages) == ([], {})


# ---- doubt


@pytest.mark.parametrize(
    "answer",
    [
        Lost(UNANSWERED),
        Lost(refusal("InternalServiceErrorException", "", 500)),
        Lost(refusal("SomethingNew", "", 503)),
        Lost(ValueError("SES's answer is no JSON")),
    ],
)
def test_a_mail_that_ses_accepted_without_an_answer_is_not_sent_again(answer: Lost) -> None:
    world = World()
    world.ses.calls = [answer]
    world.put()
    world.deliver()
    assert (world.told, world.outcomes) == ([], ["unanswered"])
    assert world.record().open == (0,)
    assert world.record().lease_until == 0.0
    world.tell()
    world.run()
    assert (world.ses.sent_to, world.told_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})


def test_a_mail_without_answer_and_event_is_sent_again_once_the_doubt_has_lasted() -> None:
    world = World()
    world.ses.calls = [UNANSWERED]
    world.put()
    world.run(119)
    assert len(world.ses.requests) == 1
    world.run()
    assert (world.ses.sent_to, world.told_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})
    assert world.record().attempts == {"unknown": 1}


def test_a_mail_that_is_never_answered_for_is_given_up_after_three_resends() -> None:
    world = World()
    world.ses.calls = [UNANSWERED] * 20
    world.put()
    world.run(24 * 3600)
    assert len(world.ses.requests) == 4
    assert (world.told_of("failed"), world.queues.messages) == (["ann"], {})
    assert world.queues.dead[0]["MessageAttributes"]["Code"]["StringValue"] == "OutcomeUnknown"
    assert world.record().unknown == (0,)


def test_where_nothing_may_be_sent_twice_an_unknown_outcome_fails() -> None:
    world = World(on_unknown="fail")
    world.ses.calls = [Lost(UNANSWERED)]
    world.put()
    world.run(24 * 3600)
    assert world.ses.sent_to == ["ann"]
    assert (world.told_of("failed"), len(world.queues.dead), world.queues.messages) == (["ann"], 1, {})
    assert world.reasons[0].startswith("OutcomeUnknown: SES may have accepted the mail")


@pytest.mark.parametrize("broken", ["bus", "dead letters"])
def test_an_unknown_outcome_is_told_even_if_the_bus_or_the_dead_letter_queue_is_away(broken: str) -> None:
    world = World(on_unknown="fail")
    world.ses.calls = [Lost(UNANSWERED)]
    world.put()
    if broken == "bus":
        world.events.outages = [AWAY] * 4
    else:
        world.queues.troubles["send_message"] = [AWAY]
    world.run(24 * 3600)
    assert world.ses.sent_to == ["ann"]
    assert (world.told_of("failed"), len(world.queues.dead), world.queues.messages) == (["ann"], 1, {})


def test_a_worker_that_ends_before_it_writes_down_leaves_doubt_that_the_event_settles() -> None:
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
    world.tell()
    world.run()
    assert (world.ses.sent_to, world.told_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})


def test_a_function_that_runs_out_of_time_calls_ses_no_more_and_leaves_no_doubt() -> None:
    world = World()
    world.put()
    [record] = world.queues.receive()
    answer = process(world.sender, [record], world.clock.now + 15.0)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "sqs-0"}]}
    assert (world.ses.requests, world.record().open, world.record().lease_until) == ([], (), 0.0)
    world.run()
    assert world.ses.sent_to == ["ann"]


# ---- other services away


@pytest.mark.parametrize(
    "error", [AWAY, refused("ProvisionedThroughputExceededException"), refused("AccessDeniedException")]
)
def test_without_the_ledger_nothing_is_sent_and_all_comes_again(error: Exception) -> None:
    world = World()
    world.dynamodb.troubles = [error] * 3
    world.put(to="ann")
    world.put(to="bob")
    world.deliver()
    assert (world.ses.requests, world.told, len(world.queues.messages)) == ([], [], 2)
    world.run()
    assert sorted(world.ses.sent_to) == ["ann", "bob"]
    assert (world.queues.messages, world.queues.dead) == ({}, [])


def test_without_the_ledger_a_message_that_comes_again_is_not_sent() -> None:
    world = World()
    message_id = world.put()
    world.queues.messages[message_id].receive_count = 1
    world.dynamodb.troubles = [AWAY]
    world.deliver()
    assert (world.ses.requests, list(world.queues.messages)) == ([], [message_id])


def test_a_mail_that_could_not_be_written_down_is_announced_and_not_sent_again() -> None:
    world = World()
    world.dynamodb.troubles = [None, AWAY]
    world.put()
    world.deliver()
    assert (world.told_of("queued"), world.queues.messages) == (["ann"], {})
    assert "job is not saved in the ledger" in [line["message"] for line in world.log]
    world.tell()
    world.put()
    world.run()
    assert (world.ses.sent_to, world.queues.messages) == (["ann"], {})


def test_without_the_bus_an_accepted_mail_is_not_sent_again_and_is_announced_later() -> None:
    world = World()
    world.events.outages = [AWAY] * 8
    world.put()
    world.deliver()
    assert (world.ses.sent_to, world.told, len(world.queues.messages)) == (["ann"], [], 1)
    world.run()
    assert (world.ses.sent_to, world.told_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})
    assert world.told[0]["message_id"] == world.ses.mails[0].message_id


def test_a_failure_is_announced_and_kept_once_the_bus_is_back() -> None:
    world = World()
    world.events.outages = [AWAY] * 4
    world.ses.calls = [REJECTED, REJECTED]
    world.put()
    world.deliver()
    assert (world.told, world.queues.dead, len(world.queues.messages)) == ([], [], 1)
    world.run()
    assert (world.told_of("rejected"), len(world.queues.dead), world.queues.messages) == (["ann"], 1, {})


def test_without_the_dead_letter_queue_a_failed_job_stays_in_its_own() -> None:
    world = World()
    world.queues.troubles["send_message"] = [AWAY, AWAY]
    world.queues.put("not JSON")
    world.deliver()
    assert (world.queues.dead, len(world.queues.messages)) == ([], 1)
    world.run()
    assert (len(world.queues.dead), world.queues.messages) == (1, {})
    assert len({event["event_id"] for event in world.told}) == 1


def test_a_visibility_timeout_that_cannot_be_changed_leaves_the_queues_own() -> None:
    world = World()
    world.ses.calls = [THROTTLED]
    world.queues.troubles["change_message_visibility"] = [AWAY]
    world.put()
    world.deliver()
    assert world.queues.messages["sqs-0"].visible_at == START + VISIBILITY_SECONDS
    world.run()
    assert world.ses.sent_to == ["ann"]


# ---- in time or not at all


def test_a_job_whose_time_is_over_is_not_sent() -> None:
    world = World()
    world.put(expires_at=moment(-1))
    world.deliver()
    assert (world.ses.requests, world.told_of("failed"), world.queues.messages) == ([], ["ann"], {})
    assert world.queues.dead[0]["MessageAttributes"]["Code"]["StringValue"] == "Expired"


def test_a_job_whose_time_ends_before_its_turn_is_not_sent() -> None:
    world = World()
    world.pace.turns = [lambda count: [SendAt(due=START + 8.0)] * count]
    world.put(expires_at=moment(5))
    world.deliver()
    assert (world.ses.requests, world.told_of("failed"), world.queues.messages) == ([], ["ann"], {})
    assert world.queues.dead[0]["MessageAttributes"]["Code"]["StringValue"] == "Expired"


def test_a_job_that_waits_is_told_that_its_time_is_over_when_it_is() -> None:
    world = World()
    world.ses.calls = [QUOTA]
    world.put(expires_at=moment(600))
    world.deliver()
    assert world.queues.hidden == [("sqs-0", 600)]
    world.run()
    assert (len(world.ses.requests), world.told_of("failed")) == (1, ["ann"])
    assert world.clock.now == START + 600


def test_a_mail_that_ses_accepted_in_time_is_no_failure_when_its_events_come_late() -> None:
    world = World()
    world.events.outages = [AWAY] * 4
    world.put(expires_at=moment(1))
    world.deliver()
    world.wait(60)
    world.run()
    assert (world.told_of("queued"), world.told_of("failed")) == (["ann"], [])
    assert (world.queues.dead, world.queues.messages) == ([], {})


def test_a_job_that_was_sent_in_time_is_no_failure_when_it_is_enqueued_again_too_late() -> None:
    world = World()
    world.put(expires_at=moment(1))
    world.deliver()
    world.wait(60)
    world.put(expires_at=moment(1))
    world.run()
    assert (world.told_of("failed"), world.queues.dead, world.queues.messages) == ([], [], {})


def test_a_mail_in_doubt_whose_time_is_over_is_settled_by_its_event() -> None:
    world = World()
    world.ses.calls = [Lost(UNANSWERED)]
    world.put(expires_at=moment(1))
    world.deliver()
    world.wait(30)
    world.deliver()
    assert (world.told, world.queues.dead) == ([], [])
    world.tell()
    world.run()
    assert (world.told_of("queued"), world.told_of("failed")) == (["ann"], [])


# ---- what nobody foresaw


def breaks(*_: Any, **__: Any) -> Any:
    message = "a mistake in the code"
    raise ZeroDivisionError(message)


@pytest.mark.parametrize("step", ["sender.preparing.read_document", "sender.preparing.build_request"])
def test_a_mistake_in_one_job_leaves_the_others_alone(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.put(to="ann")
    world.put(to="bob", subject="break this")
    module, _, name = step.rpartition(".")
    real = getattr(__import__(module, fromlist=[name]), name)

    def sometimes(what: Any, *rest: Any) -> Any:
        return breaks() if "break this" in str(what) else real(what, *rest)

    monkeypatch.setattr(step, sometimes)
    world.deliver()
    assert (world.ses.sent_to, list(world.queues.messages)) == (["ann"], ["sqs-1"])
    world.run(24 * 3600)
    assert world.ses.sent_to == ["ann"]
    assert (len(world.queues.dead), world.queues.messages) == (1, {})
    assert world.reasons[0].startswith("unexpected ZeroDivisionError in the sender; report it")
    assert world.told[-1]["event_type"] == "failed"
    assert world.told[-1]["job_id"] == "job-bob"


@pytest.mark.parametrize(
    "step",
    [
        "sender.verdicts._look_up",
        "sender.batch.dispatch_round",
        "sender.dispatch.claim_for",
        "sender.dispatch.with_answers",
        "sender.verdicts.apply_verdict",
        "sender.attempts.settle",
        "sender.completion.dead_letter",
        "sender.completion.requeue",
    ],
)
def test_a_mistake_at_any_step_loses_no_mail_and_sends_none_twice(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    world.put(to="ann")
    world.put(to="ann")
    world.put(to="bob")
    world.ses.answers = {"kim": [REJECTED, REJECTED], "bob": [THROTTLED]}
    world.put(to="kim")
    world.queues.put("not JSON")
    with monkeypatch.context() as patched:
        patched.setattr(step, breaks)
        world.deliver()
    world.tell()
    world.run(24 * 3600)
    assert sorted(world.ses.sent_to) == ["ann", "bob"]
    assert sorted(set(world.told_of("queued"))) == ["ann", "bob"]
    assert (world.told_of("rejected"), world.queues.messages) == (["kim"], {})
    assert {dead["MessageBody"][:8] for dead in world.queues.dead} == {"not JSON", '{"job_id'}


@pytest.mark.parametrize("call", ["reserve", "largest_call"])
def test_pacing_that_breaks_sends_nothing_and_loses_nothing(call: str) -> None:
    world = World()
    world.put()
    setattr(world.pace, call, breaks)
    world.deliver()
    assert (world.ses.requests, list(world.queues.messages)) == ([], ["sqs-0"])
    delattr(world.pace, call)
    world.run()
    assert world.ses.sent_to == ["ann"]


@pytest.mark.parametrize("method", ["save", "release_lease", "find", "claim"])
def test_a_ledger_that_breaks_loses_no_mail_and_sends_none_twice(method: str) -> None:
    world = World()
    world.put()
    world.ses.calls = [Lost(UNANSWERED)] if method == "release_lease" else []
    setattr(world.ledger, method, breaks)
    world.deliver()
    world.deliver()
    delattr(world.ledger, method)
    world.tell()
    world.run()
    assert (world.ses.sent_to, world.told_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})


def test_a_bus_that_breaks_loses_no_event() -> None:
    world = World()
    world.put()
    world.events.outages = [ZeroDivisionError()]
    world.deliver()
    assert list(world.queues.messages) == ["sqs-0"]
    world.run()
    assert (world.ses.sent_to, world.told_of("queued")) == (["ann"], ["ann"])


def test_a_message_of_a_queue_that_the_settings_do_not_name_is_settled_all_the_same() -> None:
    world = World()
    world.ses.calls = [THROTTLED]
    world.queues.put(json.dumps(letter()), queue_arn="arn:aws:sqs:eu-west-1:210987654321:other")
    world.put(to="bob")
    world.deliver()
    assert world.ses.sent_to == ["bob"]
    assert list(world.queues.messages) == ["sqs-0"]


def test_neither_addresses_nor_content_are_logged() -> None:
    world = World()
    world.ses.answers = {"kim": [REJECTED], "bob": [THROTTLED], "eve": [Lost(UNANSWERED)]}
    for name in ("ann", "bob", "kim", "eve"):
        world.put(to=name, job_id=f"job-{len(name)}{world.queues.messages.__len__()}")
    world.queues.put(json.dumps(letter(subjet="Secret")))
    world.deliver()
    text = world.stream.getvalue()
    for secret in ("example.org", "Your order", "Willkommen", "Secret"):
        assert secret not in text

from __future__ import annotations

import pytest
from botocore.exceptions import ConnectTimeoutError

from sender.rate.slots import QuotaExhausted, RetryAfter
from sender.ses.errors import ROLE_ATTEMPTS
from tests.unit.sender.answers import (
    DENIED,
    PAUSED,
    PAUSED_BY_AWS,
    QUOTA,
    REJECTED,
    SES_URL,
    SUSPENDED_BY_AWS,
    THROTTLED,
    UNANSWERED,
    refusal,
)
from tests.unit.sender.clock import moment
from tests.unit.sender.fake_ses import Lost
from tests.unit.sender.settings import DAY, START
from tests.unit.sender.world import World


def test_a_mail_that_ses_rejects_has_a_rejected_event_and_is_dead_lettered() -> None:
    world = World()
    world.ses.calls = [REJECTED]
    world.put()
    world.deliver()
    [event] = world.published
    assert (event["event_type"], event["reject_reason"]) == ("rejected", "blocked")
    assert event["error_code"] == "MessageRejected"
    assert event["description"].startswith("MessageRejected: Email address is not verified: ")
    assert world.codes[0] == "MessageRejected"
    assert (world.queues.messages, world.outcomes) == ({}, ["rejected"])


def test_a_mail_that_ses_refuses_permanently_fails_without_a_reject_reason() -> None:
    world = World()
    world.ses.calls = [refusal("NotFoundException", "No such configuration set.", 404)]
    world.put()
    world.deliver()
    assert [(e["event_type"], e["reject_reason"]) for e in world.published] == [("failed", None)]


@pytest.mark.parametrize(
    ("answer", "seconds", "attempts", "tries"),
    [
        (THROTTLED, 2, {"throttled": 1}, {}),
        (QUOTA, 15, {"quota": 1}, {}),
        (PAUSED, 15, {"paused": 1}, {}),
        (ConnectTimeoutError(endpoint_url=SES_URL), 2, {}, {0: 1}),
    ],
)
def test_a_job_after_a_temporary_error_is_requeued_for_as_long_as_the_error_needs(
    answer: Exception, seconds: int, attempts: dict[str, int], tries: dict[int, int]
) -> None:
    world = World()
    world.ses.calls = [answer]
    message_id = world.put()
    world.deliver()
    assert world.queues.delays == [(message_id, seconds)]
    assert (world.published, world.queues.dead) == ([], [])
    assert (world.record().attempts, world.record().tries) == (attempts, tries)
    assert (world.record().open, world.record().lease_until) == ((), 0.0)
    world.run(7200)
    assert (world.ses.sent_to, world.recipients_of("queued")) == (["ann"], ["ann"])


@pytest.mark.parametrize("answer", [THROTTLED, QUOTA, PAUSED, PAUSED_BY_AWS, SUSPENDED_BY_AWS])
def test_a_job_waits_for_the_account_however_often(answer: Exception) -> None:
    world = World()
    world.ses.calls = [answer] * 40
    world.put()
    world.run(14 * DAY)
    assert (world.ses.sent_to, world.queues.dead, world.queues.messages) == (["ann"], [], {})


def test_paused_sending_is_counted_for_the_alarm() -> None:
    world = World()
    world.ses.calls = [PAUSED, PAUSED]
    for name in ("ann", "bob", "kim"):
        world.put(to=name)
    world.deliver()
    assert world.measured("SendingPaused") == [2]


def test_a_temporary_error_fails_the_job_after_the_last_attempt() -> None:
    world = World()
    world.ses.calls = [ConnectTimeoutError(endpoint_url=SES_URL)] * 20
    world.put()
    world.run(DAY)
    assert len(world.ses.requests) == 5
    assert (world.recipients_of("failed"), len(world.queues.dead), world.queues.messages) == (["ann"], 1, {})
    assert world.codes[0] == "ConnectTimeoutError"


def test_a_mail_that_a_policy_does_not_allow_is_sent_once_the_policy_does() -> None:
    world = World(max_attempts=20)
    world.ses.calls = [DENIED] * (ROLE_ATTEMPTS - 1)
    world.put()
    world.run()
    assert (world.ses.sent_to, world.recipients_of("failed"), world.queues.dead) == (["ann"], [], [])


@pytest.mark.parametrize(("most", "attempts"), [(20, ROLE_ATTEMPTS), (3, 3)])
def test_a_mail_that_no_policy_allows_fails_after_a_few_attempts(most: int, attempts: int) -> None:
    world = World(max_attempts=most)
    world.ses.calls = [DENIED] * 30
    world.put()
    world.run()
    assert len(world.ses.calls) == 30 - attempts
    [failed] = [event for event in world.published if event["event_type"] == "failed"]
    assert failed["error_code"] == world.codes[0] == "AccessDeniedException"
    assert "other_identities" in failed["description"]


def test_waiting_for_the_rate_is_no_attempt() -> None:
    world = World()
    world.ses.calls = [*[THROTTLED] * 8, *[ConnectTimeoutError(endpoint_url=SES_URL)] * 4]
    world.put()
    world.run(DAY)
    assert (world.ses.sent_to, world.queues.dead) == (["ann"], [])


def test_a_job_fails_after_13_days_and_says_what_it_waited_for() -> None:
    world = World()
    world.put()
    world.wait(13 * DAY)
    world.ses.calls = [PAUSED]
    world.deliver()
    assert (world.recipients_of("failed"), world.queues.messages) == (["ann"], {})
    assert world.codes[0] == "SendingPausedException"


@pytest.mark.parametrize("decision", [RetryAfter(seconds=60.0), QuotaExhausted()])
def test_a_job_that_is_never_sent_fails_after_13_days(
    decision: RetryAfter | QuotaExhausted,
) -> None:
    world = World()
    world.pace.decisions = [lambda count: [decision] * count]
    world.put()
    world.wait(13 * DAY)
    world.deliver()
    assert [(event["event_type"], event["job_id"]) for event in world.published] == [("failed", "job-ann")]
    assert world.codes[0] == "WaitedTooLong"
    assert "send it again as it is" in world.reasons[0]
    assert (world.ses.requests, world.queues.messages) == ([], {})


def test_a_waiting_job_fails_at_its_expiry() -> None:
    world = World()
    world.ses.calls = [QUOTA]
    world.put(expires_at=moment(10))
    world.deliver()
    assert world.queues.delays == [("sqs-0", 10)]
    world.run()
    assert (len(world.ses.requests), world.recipients_of("failed")) == (1, ["ann"])
    assert world.clock.now == START + 10


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
    assert (world.published, world.outcomes) == ([], ["unanswered"])
    assert world.record().open == (0,)
    assert world.record().lease_until == 0.0
    world.report_sends()
    world.run()
    assert (world.ses.sent_to, world.recipients_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})

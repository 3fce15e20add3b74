"""The checker finds each thing that can go wrong in a run, and nothing in one in which all is well."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bench.chaos.checker import Expected, not_happened, problems
from bench.chaos.episodes import Episode
from bench.chaos.jobs import Job, Outcome
from bench.chaos.notifications import Notification
from bench.chaos.observed import Accepted, Event, Letter, Observed
from bench.chaos.plan import Rule
from bench.chaos.run import Size


def job(number: int, outcome: Outcome = "accepted", code: str | None = None, **changed: Any) -> Job:
    made = Job(
        kind="single",
        job_id=f"order-{number}",
        lane="bulk",
        to=(f"success+{number}@simulator.amazonses.com",),
        document={},
        outcome=outcome,
        code=code,
    )
    return replace(made, **changed)


def accepted(of: Job, copy: int = 0) -> Accepted:
    return Accepted(message_id=f"{of.job_id}-{copy}", job_id=of.job_id, recipients=of.to, at=1000.0)


def events(of: Job, *, copy: int = 0) -> list[Event]:
    return [
        Event(
            event_type=event_type,
            event_id=f"{event_type}-{of.job_id}-{copy}-{address}",
            job_id=of.job_id,
            message_id=f"{of.job_id}-{copy}",
            recipient=address,
        )
        for event_type in ("queued", "sent", "delivered")
        for address in of.to
    ]


def failure(of: Job) -> Event:
    return Event(event_type="failed", event_id=f"f-{of.job_id}", job_id=of.job_id, recipient=of.to[0])


def letter(of: Job, code: str) -> Letter:
    return Letter(queue="send", text="{}", code=code, reason="why", job_id=of.job_id)


SENT = job(1)
INVALID = job(2, "failed", "InvalidJob")
FIXED = job(3, "fixed", "MessageRejected")
EXPIRING = job(4, "either", "Expired")
FIRST, OTHER = (
    job(5, "either", "JobIdConflict", kind="same id", to=(f"success+{name}@simulator.amazonses.com",))
    for name in "ab"
)
DELIVERY = ("delivered", "m-1", "reader@example.org")
POISON = Notification(text="no JSON", code="InvalidNotification")
POISON_LETTER = Letter(queue="tracking", text="no JSON", code="InvalidNotification", reason="why")
EXPECTED = Expected(
    jobs=(SENT, INVALID, FIXED, EXPIRING, FIRST, OTHER),
    due={SENT.job_id: 999.0},
    published={"tracking": (Notification(text="{}", events=(DELIVERY,)), POISON)},
    received=("r-1",),
)
OTHERS = [
    Event(event_type="delivered", event_id="n", message_id="m-1", recipient="reader@example.org"),
    Event(event_type="inbound", event_id="r", message_id="r-1"),
    Event(event_type="lane_paused", event_id="l"),
]
DEAD = (
    letter(INVALID, "InvalidJob"),
    letter(EXPIRING, "Expired"),
    letter(OTHER, "JobIdConflict"),
    POISON_LETTER,
)
WELL = Observed(
    accepted=(accepted(SENT), accepted(FIXED), accepted(FIRST)),
    events=(
        *events(SENT),
        *events(FIXED),
        *events(FIRST),
        # a repeated one has the same id
        *events(FIRST),
        *map(failure, (INVALID, EXPIRING, OTHER)),
        *OTHERS,
    ),
    letters=(*DEAD, letter(FIXED, "MessageRejected")),
    letters_after=DEAD,
)


def found(**changed: Any) -> list[str]:
    return problems(EXPECTED, replace(WELL, **changed))


def without(values: tuple[Any, ...], *left_out: Any) -> tuple[Any, ...]:
    return tuple(value for value in values if value not in left_out)


def test_nothing_is_wrong_where_all_is_well() -> None:
    assert found() == []


def test_a_lost_mail() -> None:
    lost = found(accepted=without(WELL.accepted, accepted(SENT)))
    assert any(problem.endswith("@simulator.amazonses.com lost") for problem in lost)


def test_a_mail_sent_twice_although_each_copy_has_its_events() -> None:
    twice = found(accepted=(*WELL.accepted, accepted(SENT, 1)), events=(*WELL.events, *events(SENT, copy=1)))
    assert twice == ["single order-1: success+1@simulator.amazonses.com sent 2 times"]


def test_a_mail_sent_before_it_is_due() -> None:
    assert "before it was due" in found(accepted=(replace(accepted(SENT), at=998.9), *WELL.accepted[1:]))[0]
    assert found(accepted=(replace(accepted(SENT), at=999.0), *WELL.accepted[1:])) == []


@pytest.mark.parametrize("event_type", ["queued", "sent", "delivered"])
def test_a_missing_event(event_type: str) -> None:
    (event,) = (each for each in events(SENT) if each.event_type == event_type)
    assert found(events=without(WELL.events, event)) == [
        f"order-1 success+1@simulator.amazonses.com: {event_type} with 0 ids"
    ]


def test_an_event_with_two_ids() -> None:
    other = replace(events(SENT)[0], event_id="another")
    assert found(events=(*WELL.events, other)) == [
        "order-1 success+1@simulator.amazonses.com: queued with 2 ids"
    ]
    assert "2 ids" in found(events=(*WELL.events, replace(OTHERS[0], event_id="another")))[0]
    assert "2 ids" in found(events=(*WELL.events, replace(OTHERS[1], event_id="another")))[0]


def test_a_notification_and_a_mail_without_their_events() -> None:
    assert found(events=without(WELL.events, OTHERS[0])) == [f"notification {DELIVERY}: 0 ids"]
    assert found(events=without(WELL.events, OTHERS[1])) == ["received mail r-1: 0 ids"]


def test_an_event_of_nothing_that_was_put_in() -> None:
    (problem,) = found(events=(*WELL.events, replace(OTHERS[0], message_id="m-2")))
    assert problem.startswith("an event of nothing that was put in")


def test_a_job_that_cannot_be_sent_and_is() -> None:
    wrong = found(accepted=(*WELL.accepted, accepted(INVALID)), events=(*WELL.events, *events(INVALID)))
    assert wrong == ["single order-2: sent, although it cannot be"]


def test_a_failure_without_its_event_or_its_letter() -> None:
    assert found(events=without(WELL.events, failure(INVALID))) == ["single order-2: failed without an event"]
    assert found(letters=without(WELL.letters, letter(INVALID, "InvalidJob"))) == [
        "single order-2: no dead letter"
    ]
    assert found(letters_after=without(DEAD, letter(INVALID, "InvalidJob"))) == [
        "single order-2: no dead letter"
    ]


def test_a_job_that_is_both_sent_and_failed() -> None:
    wrong = found(accepted=(*WELL.accepted, accepted(EXPIRING)), events=(*WELL.events, *events(EXPIRING)))
    assert wrong[0].endswith("sent and failed")


def test_two_jobs_with_one_id_of_which_both_are_sent_or_none() -> None:
    both = found(accepted=(*WELL.accepted, accepted(OTHER)), events=(*WELL.events, *events(OTHER)))
    assert "same id order-5: 2 of two jobs sent" in both
    none = found(accepted=without(WELL.accepted, accepted(FIRST)))
    assert "same id order-5: 0 of two jobs sent" in none


def test_a_dead_letter_without_its_reason_or_with_another_code() -> None:
    bare = replace(letter(INVALID, "InvalidJob"), code=None, reason=None)
    texts = found(letters=(bare, *WELL.letters))
    assert texts == ["send: a dead letter without its reason (first): {}"]
    assert "instead of InvalidJob" in found(letters=(letter(INVALID, "Expired"), *WELL.letters[1:]))[0]


def test_poison_that_is_no_dead_letter() -> None:
    assert found(letters=without(WELL.letters, POISON_LETTER)) == [
        "tracking: no dead letter InvalidNotification (first) of no JSON"
    ]


def test_what_the_redrive_does_not_settle() -> None:
    again = found(letters_after=(*DEAD, letter(FIXED, "MessageRejected")))
    assert again == ["single order-3: a dead letter again, although nothing is wrong with it any more"]
    other = Letter(queue="timeline", text="{}", code="ValidationException", reason="why")
    assert found(letters_after=(*DEAD, other)) == [
        "timeline: not settled by the redrive: ValidationException {}"
    ]


def test_a_job_that_failed_with_a_reason_may_be_sent_by_the_redrive() -> None:
    late = letter(SENT, "WaitedTooLong")
    assert found(letters=(*WELL.letters, late), events=(*WELL.events, failure(SENT))) == []


def test_a_fault_that_happened_less_often_than_planned_and_an_episode_that_was_not_played() -> None:
    kill = Rule(
        function="guard",
        service="dynamodb",
        fault="killed after",
        point="after the lane is paused",
        times=1,
        gap=1,
    )
    burst = Rule(
        function="sender", service="s3", fault="error", code="SlowDown", status=503, times=10, gap=5, burst=3
    )
    slow, paused = (Episode(name=name, share=0.1, calls=1) for name in ("slow", "paused"))
    assert not_happened([(kill, 1), (burst, 30)], [slow, paused], ["slow", "paused"]) == []
    assert not_happened([(kill, 0), (burst, 29)], [slow, paused], ["slow"]) == [
        "guard, dynamodb, killed after after the lane is paused: 0 calls instead of 1",
        "sender, s3, error SlowDown: 29 calls instead of 30",
        "not played: paused",
    ]


def test_a_run_is_full_from_the_default_size_on() -> None:
    assert Size().is_full
    assert replace(Size(), jobs=20_000).is_full
    assert not replace(Size(), mails=499).is_full

"""The checks of what goes on: alarms, dead letters, ages, messages in flight, what tails left."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mailbus.stages import alarm_description
from mailbus_cli.doctor import durations
from mailbus_cli.doctor.checks import alarms, dead_letters, in_flight, oldest, tails
from mailbus_cli.doctor.checks.dead_letters import Letters
from mailbus_cli.event_stream import Removed

AT = datetime(2026, 11, 29, 11, 47, tzinfo=UTC)


def _alarm(description: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {"AlarmName": "x", "StateUpdatedTimestamp": AT}
    return {**found, "AlarmDescription": description} if description else found


def test_the_alarms_of_the_stage_are_found_by_their_description() -> None:
    found = [
        _alarm(alarm_description("prod", "SendDeadLetters", "a message: it failed")),
        _alarm(alarm_description("prod-eu", "LateJobs", "late")),
        _alarm("Mailbus produced nothing"),
        _alarm(None),
    ]
    assert alarms.of_stage(found, "prod") == [("SendDeadLetters", AT)]


def test_alarms_that_ring_are_a_problem_with_their_time() -> None:
    assert alarms.judge([]).level == "ok"
    verdict = alarms.judge([("SendDeadLetters", AT), ("LateJobs", AT)])
    assert (verdict.level, verdict.text) == (
        "problem",
        "LateJobs (since 2026-11-29 11:47 UTC), SendDeadLetters (since 2026-11-29 11:47 UTC)",
    )


def test_dead_letters_are_a_problem_with_their_commonest_reasons() -> None:
    reasons = ("InvalidJob at $.to", "Throttled", "InvalidJob at $.to", "Rejected")
    verdict = dead_letters.judge(
        "send", Letters(count=1204, reasons=reasons, oldest_seconds=9900), "--stage prod"
    )
    assert (verdict.level, verdict.record) == ("problem", "mailbus dead-letters list --stage prod")
    assert verdict.text == (
        "1,204 send dead letters, the oldest 2 h 45 min old; commonest: InvalidJob at $.to (2), Throttled (1)"
    )
    assert dead_letters.judge("send", Letters(count=0), "--local").level == "ok"
    # another reader has them just now
    assert dead_letters.judge("send", Letters(count=1), "--local").text == "1 send dead letter"


@pytest.mark.parametrize(
    ("name", "seconds", "level"),
    [
        ("transactional", 899, "ok"),
        ("transactional", 900, "warning"),
        ("bulk", 36_000, "ok"),
        ("bulk", 86_400, "warning"),
        ("bulk", 172_800, "problem"),
        ("timeline", 1800, "ok"),
    ],
)
def test_a_message_may_wait_as_long_as_its_lane_is_for(name: str, seconds: int, level: str) -> None:
    assert oldest.judge(name, seconds).level == level


@pytest.mark.parametrize(
    ("count", "level"), [(0, "ok"), (95_999, "ok"), (96_000, "warning"), (119_900, "problem")]
)
def test_messages_in_flight_warn_before_the_limit(count: int, level: str) -> None:
    assert in_flight.judge("tracking", count).level == level


def test_what_a_killed_tail_left_is_said_once_it_is_gone() -> None:
    removed = Removed(name="mailbus-prod-tail-0123456789ab", last_used=AT)
    assert tails.judge([]).text == "none was left by a killed `mailbus tail`"
    assert "mailbus-prod-tail-0123456789ab (last used 2026-11-29 11:47 UTC)" in tails.judge([removed]).text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3725, "1 h 2 min"), (90_061, "1 d 1 h"), (86_400, "1 d")],
)
def test_durations_are_two_units(seconds: float, text: str) -> None:
    assert durations.words(seconds) == text

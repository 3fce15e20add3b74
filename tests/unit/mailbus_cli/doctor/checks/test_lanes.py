from __future__ import annotations

from datetime import UTC, datetime

from mailbus.events import lane_event
from mailbus_cli.doctor.checks.lanes import judge

AT = datetime(2026, 11, 30, 10, 0, 4, tzinfo=UTC)


def test_no_paused_lane_is_fine() -> None:
    assert (judge((), "--stage prod").level, judge((), "--stage prod").text) == ("ok", "neither is paused")


def test_a_paused_lane_is_a_problem_with_its_reason_and_the_command_that_resumes_it() -> None:
    event = lane_event(
        "lane_paused", "bulk", at=AT, by="guard", reason="SES's bounce rate of the account has reached 7.5 %"
    )
    found = judge((event,), "--stage prod")
    assert (found.level, found.record) == ("problem", "mailbus resume bulk --stage prod")
    assert found.text == (
        "the bulk lane is paused since 2026-11-30 10:00 UTC, by the guard: SES's bounce rate of the account "
        "has reached 7.5 %: its jobs wait"
    )


def test_both_lanes_are_named() -> None:
    events = [lane_event("lane_paused", lane, at=AT, by="operator") for lane in ("transactional", "bulk")]
    found = judge(events, "--local")
    assert "the transactional lane is paused" in found.text
    assert "the bulk lane is paused" in found.text
    assert found.record == "mailbus resume transactional --local\nmailbus resume bulk --local"

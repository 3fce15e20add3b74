"""Hundreds of jobs through workers that die, answers that are lost and messages delivered twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.unit.sender.faults.deployment import DEATHS, SETTINGS, Likely
from tests.unit.sender.faults.journey import travel

if TYPE_CHECKING:
    from mailbus.ledger.records import OnUnknown
    from mailbus_cdk.settings.values import MergeBy
    from tests.unit.sender.faults.journey import Journey

JOBS = 500
LATE = Likely(late_event=0.3)


def journey(
    count: int, on_unknown: OnUnknown, *, merge_by: MergeBy = "SendBulkEmail", **options: Any
) -> Journey:
    settings = msgspec.structs.replace(SETTINGS, on_unknown=on_unknown, merge_by=merge_by)
    return travel(count, settings=settings, **options)


@pytest.mark.parametrize("on_unknown", ["resend", "fail"])
def test_no_job_is_lost_and_none_is_sent_twice_whichever_worker_dies(on_unknown: OnUnknown) -> None:
    found = journey(JOBS, on_unknown, seed=47)

    hit = {fault: len(job_ids) for fault, job_ids in found.world.hit.items()}
    assert hit.keys() == {*DEATHS, "answer broken", "delivered twice"}
    assert min(hit.values()) >= JOBS // 10, hit
    assert found.sent_twice == []
    assert found.lost == []
    assert found.sent_and_failed == []
    assert found.unannounced == []
    assert found.open_records == []
    assert (found.world.messages, found.world.schedules) == ({}, {})


@pytest.mark.parametrize("on_unknown", ["resend", "fail"])
def test_the_same_holds_for_merges_by_email(on_unknown: OnUnknown) -> None:
    found = journey(200, on_unknown, seed=11, merge_by="SendEmail")

    assert found.sent_twice == found.lost == found.sent_and_failed == found.unannounced == []
    assert found.open_records == []
    assert (found.world.messages, found.world.schedules) == ({}, {})


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("on_unknown", ["resend", "fail"])
def test_the_same_holds_for_other_seeds_and_more_faults(on_unknown: OnUnknown, seed: int) -> None:
    found = journey(100, on_unknown, seed=seed, likely=Likely(deaths=1.5, broken=0.3, twice=0.3, ledger=0.05))

    assert found.sent_twice == found.lost == found.sent_and_failed == found.unannounced == []
    assert found.open_records == []
    assert found.world.messages == {}


def test_a_second_copy_is_sent_only_if_ses_reports_the_first_too_late() -> None:
    found = journey(300, "resend", seed=3, likely=LATE)

    assert found.sent_twice
    assert set(found.sent_twice) <= found.reported_late
    assert set(found.sent_and_failed) <= found.reported_late
    assert found.lost == []
    assert found.open_records == []


def test_with_on_unknown_fail_nothing_is_sent_twice_and_what_stays_unknown_fails() -> None:
    found = journey(300, "fail", seed=3, likely=LATE)

    assert found.sent_twice == []
    assert found.sent_and_failed
    assert set(found.sent_and_failed) <= found.reported_late
    assert {job_id for job_id, _ in found.sent_and_failed} <= found.dead
    assert found.lost == []
    assert found.open_records == []


def test_a_journey_can_be_repeated() -> None:
    for merge_by in ("SendBulkEmail", "SendEmail"):
        first, second = (journey(50, "resend", seed=5, merge_by=merge_by) for _ in range(2))

        assert first.world.now == second.world.now
        assert first.world.events == second.world.events

"""The product's own sender in the simulated world."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from bench.world.measures import measure, measures, totals
from bench.world.scenario import RECIPIENTS, LaneLoad, Scenario, lasting
from bench.world.world import World

if TYPE_CHECKING:
    from bench.world.measures import Measures
    from mailbus.stages import Lane


def scenario(rate: float = 50, *, workers: int = 3, load: float | None = None, **more: Any) -> Scenario:
    lanes = {"transactional": LaneLoad(workers=workers, load=load)}
    return Scenario(**{"rate": rate, "lanes": lanes, "backlog": 6, **more})


def test_the_same_seed_gives_the_same_result_and_another_seed_another() -> None:
    def run(seed: int) -> Measures:
        return measure(scenario(load=0.6, seed=seed), warm_up=1, seconds=3)

    assert run(7) == run(7)
    assert run(7) != run(8)


def test_a_backlog_is_sent_at_the_whole_rate_and_each_mail_once() -> None:
    world = World(scenario())
    world.run(1)
    before = totals(world)
    world.run(3)
    result = measures(world, before, totals(world))
    assert result.pace == pytest.approx(1.0, abs=0.05)
    assert result.longest_silence < 0.5
    world.run(20)
    assert len({mail.job_id for mail in world.ses.accepted}) == len(world.ses.accepted) == 300
    assert (world.queues["transactional"].messages, world.dead_letters) == (0, [])
    assert world.log.error_lines == 0


def test_what_is_counted_is_counted_for_each_mail() -> None:
    result = measure(scenario(load=0.5), warm_up=1, seconds=4)
    assert result.calls["SendEmail"] == pytest.approx(1.0, abs=0.1)
    assert 0.06 < result.delay_p50 <= result.delay_p99 < 1
    assert 0.0 <= result.waiting < result.running
    assert result.write_units >= 2
    assert 0.9 < result.receives < 2


def test_processes_that_die_lose_no_mail() -> None:
    world = World(scenario(rate=200, death=0.03, backlog=1, skew=0.05))
    world.run(900)
    sent = Counter(mail.job_id for mail in world.ses.accepted)
    assert sum(worker.died for worker in world.workers) > 0
    assert len(sent) == 200
    assert world.queues["transactional"].messages == 0


def test_many_recipients_count_towards_the_rate() -> None:
    load = LaneLoad(workers=2, recipients=RECIPIENTS["50"])
    result = measure(scenario(rate=100, lanes={"bulk": load}, backlog=10), warm_up=1, seconds=5)
    assert result.mails > 0
    assert result.mails * 50 == pytest.approx(result.pace * 100 * 5)


def test_silence_lasts_while_there_is_mail_and_none_is_accepted() -> None:
    world = World(scenario(rate=10, quota=20, backlog=10))
    world.run(5)
    before = totals(world)
    world.run(5)
    assert measures(world, before, totals(world)).longest_silence > 5


def test_many_workers_find_mail_until_the_end_and_wait_for_a_part_of_what_they_run() -> None:
    lanes: dict[Lane, LaneLoad] = {"transactional": LaneLoad(workers=30)}
    backlog = lasting(3, 50, lanes)
    assert backlog * 50 == pytest.approx(1.2 * 3 * 50 + 2 * 30 * 10)
    result = measure(scenario(lanes=lanes, backlog=backlog), warm_up=1, seconds=2)
    assert result.receives >= 1
    assert result.waiting < result.running

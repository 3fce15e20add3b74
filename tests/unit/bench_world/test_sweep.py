"""A part of the sweep: the pacing holds its goals in simulation."""

from __future__ import annotations

import msgspec
import pytest

from bench.world.sweep import (
    FACTORS,
    SANDBOX,
    USUAL_ROUND_TRIP,
    Run,
    backlog,
    below_the_rate,
    both_lanes,
    simulate,
    special,
)

SPECIAL = {run.title: run for run in special()}
# the others take long
QUICK = (
    "50 recipients a mail, 14 a second",
    "50 recipients in a tenth of the mails, 14 a second",
    "500 a second become 14, 1 times the workers",
    "clocks wrong by up to 0.1 s, 100 a second",
)
SHORT = (
    *(msgspec.structs.replace(backlog(14, USUAL_ROUND_TRIP, factor), seconds=40) for factor in FACTORS),
    *(msgspec.structs.replace(backlog(100, USUAL_ROUND_TRIP, factor), seconds=8) for factor in FACTORS),
    msgspec.structs.replace(below_the_rate(14, 1), seconds=60),
    msgspec.structs.replace(both_lanes(100, 1), seconds=8),
    backlog(SANDBOX, USUAL_ROUND_TRIP, 1),
    *(SPECIAL[title] for title in QUICK),
)


@pytest.mark.parametrize("run", SHORT, ids=lambda run: run.title)
def test_the_goals_of_the_pacing_are_reached(run: Run) -> None:
    assert simulate(run).missed == []


def test_a_missed_goal_is_named() -> None:
    slow = msgspec.structs.replace(backlog(100, USUAL_ROUND_TRIP, 0.5), seconds=2, goals=SHORT[3].goals)
    workers = msgspec.structs.replace(slow.scenario.lanes["transactional"], workers=1)
    scenario = msgspec.structs.replace(slow.scenario, rate=1000, lanes={"transactional": workers})
    (missed,) = simulate(msgspec.structs.replace(slow, scenario=scenario)).missed
    assert missed.startswith("pace is 0.")
    assert missed.endswith("and should be 0.97 at least")

"""What a million mails cost, of what a simulation measures."""

from __future__ import annotations

import pytest

from bench.world import prices
from bench.world.prices import Usage, cost
from bench.world.sweep import USUAL_ROUND_TRIP, backlog, simulate


def test_a_million_mails_cost_their_seconds_units_batches_and_events() -> None:
    made = cost(Usage(seconds=0.1, write_units=3, read_units=1, receives=1))
    # 100,000 GB-s, and 100,000 invocations
    assert made.function == pytest.approx(1.33334 + 0.02)
    assert made.table == pytest.approx(1.875 + 0.125)
    # 100,000 receives, and as many deletes
    assert made.queue == pytest.approx(0.08)
    assert made.bus == pytest.approx(1.0)
    assert made.total == pytest.approx(4.43334)


def test_mail_that_is_received_twice_costs_two_batches() -> None:
    once, twice = (cost(Usage(seconds=0, write_units=0, receives=receives)) for receives in (1, 2))
    assert (twice.function, twice.queue) == (2 * once.function, 2 * once.queue)


def test_the_rows_have_what_was_before_beside_what_is_measured() -> None:
    measured = simulate(backlog(100, USUAL_ROUND_TRIP, 1)).measures
    before, now = prices.rows({100: measured})
    assert before[:2] == ("100", "before: 5")
    assert now[:3] == ("100", "3", f"{measured.running:.3f} s")
    assert now[-1] == f"**{cost(prices.usage_of(measured)).total:.2f}**"

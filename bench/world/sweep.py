"""The sweep: the pacing at each rate, with as many workers as follow from it, and with more.

Each run is simulated from its own seed, and compared with goals; together they are what docs/scale.md says of
the pacing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from bench.world.capacity import ITEM_UNITS
from bench.world.measures import Measures, measure, measures, totals
from bench.world.scenario import RECIPIENTS, LaneLoad, Scenario, lasting
from bench.world.world import World
from mailbus.ledger.lanes import RATE_KEY
from mailbus_cdk import lanes as lane_sizes

if TYPE_CHECKING:
    from collections.abc import Iterator

RATES: Final = (14, 100, 500, 1000, 5000)
SANDBOX: Final = 1
#: Milliseconds to DynamoDB and back.
ROUND_TRIPS: Final = (5, 10, 20)
USUAL_ROUND_TRIP: Final = 10
#: Times as many workers as follow from the rate.
FACTORS: Final = (1, 4, 10)
# until all workers run and know the rate
WARM_UP: Final = 3.0
# how long a run is measured, in seconds: it has thousands of mails, or hundreds at the lowest rates
SECONDS: Final = {1: 200.0, 14: 120.0, 100: 30.0, 500: 8.0, 1000: 5.0, 5000: 2.0}
# mails with many recipients are few
LARGE_SECONDS: Final = 400.0
LOAD: Final = 0.6
# longer than the rate is cached
CHANGE_SECONDS: Final = 70.0
CLOCK_SKEW: Final = 0.1
DEATH: Final = 0.001
QUOTA: Final = 1000


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """A measure's bound: at least, or at most, this."""

    measure: str
    least: float | None = None
    most: float | None = None

    def missed(self, values: dict[str, Any]) -> str | None:
        """Return what is wrong with the measures of a run, or None."""
        value = values[self.measure]
        if self.least is not None and not value >= self.least:
            return f"{self.measure} is {value:.4g}, and should be {self.least:g} at least"
        if self.most is not None and not value <= self.most:
            return f"{self.measure} is {value:.4g}, and should be {self.most:g} at most"
        return None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What is simulated. With `new_rate` the account's rate becomes that one after the warm-up."""

    title: str
    scenario: Scenario
    seconds: float
    warm_up: float = WARM_UP
    new_rate: float | None = None
    goals: tuple[Goal, ...] = ()

    @property
    def is_backlog(self) -> bool:
        """Whether all mail is there from the beginning, so that how long it takes says nothing."""
        return all(lane.load is None for lane in self.scenario.lanes.values())


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The measures of a run. `known_after` is how many seconds it took until the new rate was known."""

    run: Run
    measures: Measures
    known_after: float | None = None

    @property
    def missed(self) -> list[str]:
        """What of the run's goals was not reached."""
        values = msgspec.structs.asdict(self.measures) | {"known_after": self.known_after}
        return [text for goal in self.run.goals if (text := goal.missed(values)) is not None]


PACE: Final = Goal(measure="pace", least=0.97)
NOT_THROTTLED: Final = Goal(measure="ses_throttled", most=0.001)
WITHIN_QUOTA: Final = Goal(measure="over_quota", most=0)
IN_TIME: Final = Goal(measure="delay_p99", most=1.0)


def simulate(run: Run) -> Result:
    """Simulate a run."""
    if run.new_rate is None:
        return Result(run=run, measures=measure(run.scenario, warm_up=run.warm_up, seconds=run.seconds))
    world = World(run.scenario)
    world.run(run.warm_up)
    world.ses.change_rate(run.new_rate)
    changed_at = world.clock.now
    known_after = None
    while known_after is None and world.clock.now < changed_at + CHANGE_SECONDS:
        world.run(0.01)
        if _known_rate(world) == run.new_rate:
            known_after = world.clock.now - changed_at
    # what had its slot already is sent within the next second
    world.run(1.0)
    before = totals(world)
    world.run(run.seconds)
    return Result(run=run, measures=measures(world, before, totals(world)), known_after=known_after)


def _known_rate(world: World) -> float:
    return float(world.table.get_item({"Key": RATE_KEY})["Item"]["max_send_rate"]["N"])


def runs(
    *,
    rates: tuple[int, ...] = RATES,
    round_trips: tuple[int, ...] = ROUND_TRIPS,
    factors: tuple[int, ...] = FACTORS,
) -> Iterator[Run]:
    """Yield all runs, those that take longest first."""
    for rate in sorted(rates, reverse=True):
        for round_trip in round_trips:
            for factor in factors:
                yield backlog(rate, round_trip, factor)
    yield from (both_lanes(rate, factor) for rate in rates for factor in factors)
    yield from (below_the_rate(rate, factor) for rate in rates for factor in factors)
    yield from (backlog(SANDBOX, USUAL_ROUND_TRIP, factor) for factor in factors)
    yield from special()


def backlog(rate: int, round_trip: int, factor: float) -> Run:
    """Return a run of a backlog of mails with one recipient, in one lane."""
    goals = [NOT_THROTTLED, _writes(factor)]
    if factor >= 1:
        goals.append(PACE)
    if factor == 1:
        goals.append(Goal(measure="receives", most=1.5))
        if rate != SANDBOX:
            goals.append(Goal(measure="waiting", most=0.15 if rate < 100 else 0.02))  # noqa: PLR2004 - of RATES
    else:
        goals.append(Goal(measure="receives", most=20))
    return Run(
        title=f"backlog, {rate} a second, {factor:g} times the workers, {round_trip} ms",
        scenario=_scenario(rate, {"transactional": _load(rate, factor)}, round_trip=round_trip),
        seconds=SECONDS[rate],
        goals=tuple(goals),
    )


def below_the_rate(rate: int, factor: int) -> Run:
    """Return a run of transactional mails that arrive at random times."""
    load = msgspec.structs.replace(_load(rate, factor), load=LOAD)
    return Run(
        title=f"{LOAD:.0%} of {rate:,} a second, {factor} times the workers",
        scenario=_scenario(rate, {"transactional": load}),
        seconds=SECONDS[rate],
        goals=(NOT_THROTTLED, *_urgent(rate, factor)),
    )


def both_lanes(rate: int, factor: int) -> Run:
    """Return a run of transactional mails that arrive at random times, and a backlog of bulk mails."""
    load = msgspec.structs.replace(_load(rate, factor), load=LOAD)
    return Run(
        title=f"{LOAD:.0%} of {rate:,} a second, bulk mail for the rest, {factor} times the workers",
        scenario=_scenario(rate, {"transactional": load, "bulk": _load(rate, factor)}),
        seconds=SECONDS[rate],
        goals=(PACE, NOT_THROTTLED, *_urgent(rate, factor)),
    )


def _writes(factor: float) -> Goal:
    return Goal(measure="rate_writes_throttled", most=0.001 if factor < 10 else 0.06)  # noqa: PLR2004 - of FACTORS


def _urgent(rate: int, factor: int) -> tuple[Goal, ...]:
    """Return goals of mails that arrive at random times: none if the rate's item cannot take their writes.

    Too many workers find one mail each, and write for each.
    """
    return (IN_TIME, _writes(factor)) if factor == 1 or LOAD * rate <= ITEM_UNITS else ()


def special() -> Iterator[Run]:
    """Yield runs of many recipients, changed rates, a quota, wrong clocks, and workers that die."""
    for name, text in (("50", "50 recipients a mail"), ("mixed", "50 recipients in a tenth of the mails")):
        load = msgspec.structs.replace(_load(14, 1), recipients=RECIPIENTS[name])
        yield Run(
            title=f"{text}, 14 a second",
            scenario=_scenario(14, {"transactional": load}, seconds=LARGE_SECONDS),
            seconds=LARGE_SECONDS,
            goals=(PACE, NOT_THROTTLED),
        )
    for factor in (1, 4):
        yield Run(
            title=f"500 a second become 14, {factor} times the workers",
            scenario=_scenario(500, {"transactional": _load(500, factor)}, seconds=30),
            seconds=60,
            new_rate=14,
            goals=(
                PACE,
                NOT_THROTTLED,
                Goal(measure="known_after", most=1.0),
                Goal(measure="longest_silence", most=2.0),
            ),
        )
    yield Run(
        title="14 a second become 500, for which there are workers",
        scenario=_scenario(14, {"transactional": _load(500, 1)}, seconds=600),
        seconds=10,
        new_rate=500,
        goals=(PACE, NOT_THROTTLED, Goal(measure="known_after", most=60.0)),
    )
    yield Run(
        title=f"a 24-hour quota of {QUOTA}, 100 a second",
        scenario=_scenario(100, {"transactional": _load(100, 1)}, quota=QUOTA),
        warm_up=0,
        seconds=130,
        goals=(WITHIN_QUOTA, Goal(measure="mails", least=QUOTA, most=QUOTA)),
    )
    yield Run(
        title=f"clocks wrong by up to {CLOCK_SKEW:g} s, 100 a second",
        scenario=_scenario(100, {"transactional": _load(100, 4)}, skew=CLOCK_SKEW),
        seconds=SECONDS[100],
        goals=(PACE, NOT_THROTTLED),
    )
    yield Run(
        title=f"one call in {1 / DEATH:.0f} is a worker's last, 100 a second",
        scenario=_scenario(100, {"transactional": _load(100, 4)}, death=DEATH),
        seconds=SECONDS[100],
        goals=(PACE, NOT_THROTTLED),
    )


def _load(rate: int, factor: float) -> LaneLoad:
    return LaneLoad(workers=round(factor * lane_sizes.workers(rate)), batch=lane_sizes.batch_size(rate))


def _scenario(
    rate: int,
    lanes: dict[Any, LaneLoad],
    *,
    round_trip: int = USUAL_ROUND_TRIP,
    seconds: float | None = None,
    **more: Any,  # noqa: ANN401 - fields of the scenario
) -> Scenario:
    measured = SECONDS[rate] if seconds is None else seconds
    backlog = lasting(WARM_UP + measured, rate, lanes)
    return Scenario(rate=rate, lanes=lanes, round_trip=round_trip / 1000, backlog=backlog, **more)

"""Results of the benchmarks: what is measured beside its baseline, and whether a goal is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench import results
from bench.results import Goal, paired, percentile, result, shown, shown_goal, shown_ratio
from bench.support.comparison import compare

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("part", "value"), [(0.5, 100), (0.99, 198), (0.995, 199), (1.0, 200), (0.001, 1), (0.0, 1)]
)
def test_a_percentile_is_the_value_that_so_many_do_not_exceed(part: float, value: int) -> None:
    assert percentile([*range(200, 0, -1)], part) == value


def test_a_percentile_of_one_value_is_that_value() -> None:
    assert percentile([7.0], 0.99) == 7.0


def test_the_ratio_of_rounds_is_the_median_of_their_ratios() -> None:
    found = paired("a mail", ("sender", [1, 2, 30]), ("boto3", [2, 4, 3]), unit="ms")
    assert (found.value, found.baseline_value, found.ratio) == (2, 3, 0.5)


def test_figures_have_three_digits() -> None:
    found = result("a mail", ("sender", 1.23456), ("boto3", 98765.4), unit="ms")
    assert (found.value, found.baseline_value, found.ratio) == (1.23, 98800, 1.25e-05)


def test_rounds_must_have_measured_both() -> None:
    with pytest.raises(ValueError, match="shorter"):
        paired("a mail", ("sender", [1, 2]), ("boto3", [1]), unit="ms")


@pytest.mark.parametrize(
    ("goal", "value", "baseline", "shown"),
    [
        (Goal(of="value", at_most=12), 12.0, 40.0, "≤ 12 ms"),
        (Goal(of="value", at_most=12), 12.1, 40.0, "≤ 12 ms: missed"),
        (Goal(of="ratio", at_most=1.1), 1.104, 1.0, "≤ 1.1"),
        (Goal(of="ratio", at_most=1.1), 1.11, 1.0, "≤ 1.1: missed"),
        (Goal(of="ratio", at_most=1 / 16), 1.0, 16.0, "≤ 1/16"),
        (Goal(of="ratio", at_most=1 / 16), 1.0, 15.9, "≤ 1/16: missed"),
        (Goal(of="apart", at_most=0.02), 98.1, 100.0, "within 2%"),
        (Goal(of="apart", at_most=0.02), 102.5, 100.0, "within 2%: missed"),
        (None, 5.0, 1.0, ""),
    ],
)
def test_a_goal_is_shown_with_whether_it_is_missed(
    goal: Goal | None, value: float, baseline: float, shown: str
) -> None:
    found = result("a mail", ("sender", value), ("boto3", baseline), unit="ms", goal=goal)
    assert shown_goal(found) == shown
    assert found.meets_goal == ("missed" not in shown)


@pytest.mark.parametrize(
    ("number", "text"), [(0.456, "0.46"), (7.89, "7.89"), (12.34, "12.3"), (98_765, "98,765")]
)
def test_a_figure_is_shown_with_about_three_digits(number: float, text: str) -> None:
    assert shown(number) == text


@pytest.mark.parametrize(
    ("ratio", "text"), [(1.07, "1.07"), (0.51, "0.51"), (0.5, "1/2.00"), (0.0725, "1/13.8"), (15.4, "15.40")]
)
def test_a_ratio_far_below_one_is_shown_as_a_part_of_one(ratio: float, text: str) -> None:
    assert shown_ratio(ratio) == text


def test_both_run_in_turn_after_a_warm_up() -> None:
    order: list[str] = []

    def timed(name: str, seconds: float) -> Callable[[], float]:
        def run() -> float:
            order.append(name)
            return seconds

        return run

    found = compare(
        "a mail",
        ("sender", timed("sender", 0.002)),
        ("boto3", timed("boto3", 0.004)),
        rounds=2,
        goal=Goal(of="ratio", at_most=0.5),
    )
    assert order == ["sender", "boto3"] * 3
    assert (found.value, found.baseline_value, found.unit) == (2, 4, "ms")
    assert found.meets_goal


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = result("a mail", ("sender", 1.5), ("boto3", 3.0), unit="ms", notes=["ten mails"])
    run = results.run_of({"sending": [found]}, seconds=61.4, load=0.24)
    path = tmp_path / "bench.json"
    path.write_bytes(results.written(run))
    assert results.read(path) == run
    assert (run.seconds, run.load, run.machine.processors > 0) == (61, 0.2, True)

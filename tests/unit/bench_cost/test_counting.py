"""What `mailbus cost` multiplies by prices is what the code uses now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from bench.cost.__main__ import ALONE_RATE
from bench.cost.counting import ALONE, SECONDS, count
from mailbus_cli.costing.counted import FunctionUse, nearest, points

if TYPE_CHECKING:
    from mailbus_cli.costing.counted import Point


@pytest.fixture(scope="module")
def recounted() -> Point:
    """The cheapest simulation of the file, once more."""
    return count("mailing", 14, sent=False)


@pytest.mark.parametrize("function", ["sender", "tracking", "timeline"])
def test_a_recount_agrees_with_the_file(recounted: Point, function: str) -> None:
    used: FunctionUse = getattr(recounted, function)
    written: FunctionUse = getattr(nearest(14, "mailing", sent=False), function)
    expected = msgspec.structs.asdict(written)
    assert msgspec.structs.asdict(used) == pytest.approx(expected, rel=0.03, abs=1e-4), "make cost"


def test_a_recount_has_the_sizes_of_the_file(recounted: Point) -> None:
    written = nearest(14, "mailing", sent=False)
    for name in ("event_bytes", "ledger_bytes", "timeline_bytes"):
        assert getattr(recounted, name) == pytest.approx(getattr(written, name), rel=0.01), "make cost"


def test_a_mail_uses_what_the_protocol_says(recounted: Point) -> None:
    # the claim, the result, and a part of the rate's item
    assert 2.0 < recounted.sender.write_units < 2.3
    # `Send` alone of four events is looked up, and a batch reads a job once
    assert 4 * recounted.tracking.read_units == pytest.approx(1.0, rel=0.05)
    # four events with an update each, and three indexes written once for a mail of four events on the bus
    assert 4 * recounted.timeline.write_units == pytest.approx(4 + 4 + 3, rel=0.05)


def test_the_file_has_each_rate_with_and_without_sent() -> None:
    expected = {("mailing", float(rate)) for rate in SECONDS} | {("alone", ALONE_RATE * ALONE)}
    for sent in (True, False):
        assert {(point.load, point.rate) for point in points() if point.sent == sent} == expected


def test_without_sent_tracking_does_less() -> None:
    with_, without = (nearest(100, "mailing", sent=sent).tracking for sent in (True, False))
    assert without.seconds < with_.seconds

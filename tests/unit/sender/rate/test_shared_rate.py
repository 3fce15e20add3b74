"""Many workers on one account, in simulated time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailbus_local.ses.state.account import Limits
from tests.unit.sender.rate.fake_rate import NOW
from tests.unit.sender.rate.simulated_workers import CACHE_SECONDS, MIXED, Workers

if TYPE_CHECKING:
    from sender.rate.gcra import Lane

# the rate, the simulated seconds, and the mails of a batch, so many that even one worker can use the rate
BACKLOGS = [(14, 60, 10), (100, 25, 100), (1000, 12, 100)]


@pytest.mark.parametrize("lane", ["transactional", "bulk"])
@pytest.mark.parametrize("count", [1, 4, 20])
@pytest.mark.parametrize(("rate", "seconds", "batch"), BACKLOGS)
def test_a_backlog_uses_the_whole_rate_and_nothing_is_throttled(
    rate: int, seconds: int, batch: int, count: int, lane: Lane
) -> None:
    workers = Workers(rate)
    workers.start(count, lane, batch=batch, backlog=MIXED)
    workers.simulation.run(seconds)
    assert workers.refused == []
    assert 0.97 <= workers.accepted(since=5, until=seconds) <= 1.01


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6])
@pytest.mark.parametrize(
    ("rate", "count", "seconds", "recipients"),
    # at 14 a second one mail for eight recipients needs half a second by itself
    [(14, 4, 60, (1,)), (100, 4, 30, MIXED), (1000, 20, 10, MIXED)],
)
def test_transactional_mail_is_delayed_by_less_than_a_second_while_bulk_uses_the_rest_of_the_rate(
    rate: int, count: int, seconds: int, recipients: tuple[int, ...], share: float
) -> None:
    workers = Workers(rate)
    workers.start(count, "transactional", batch=10)
    workers.start(4, "bulk", batch=100, backlog=MIXED)
    workers.enqueue_randomly(share, recipients=recipients)
    workers.simulation.run(seconds)
    assert workers.refused == []
    assert 0.97 <= workers.accepted(since=5, until=seconds) <= 1.01
    assert workers.accepted(since=5, until=seconds, lane="bulk") == pytest.approx(
        1 - workers.accepted(since=5, until=seconds, lane="transactional"), abs=0.03
    )
    delays = workers.delays(since=5)
    assert len(delays) > 100
    assert delays[-1] < 1.0


def test_bulk_is_hardly_sent_while_transactional_mail_needs_the_whole_rate() -> None:
    workers = Workers(100)
    workers.start(8, "transactional", batch=20, backlog=MIXED)
    workers.start(4, "bulk", batch=20, backlog=MIXED)
    workers.simulation.run(40)
    assert workers.refused == []
    assert workers.accepted(since=5, until=40, lane="bulk") < 0.05


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_bulk_keeps_to_its_share_although_the_rest_is_idle(share: float) -> None:
    workers = Workers(100, bulk_share=share)
    workers.start(4, "bulk", batch=10, backlog=MIXED)
    workers.simulation.run(60)
    assert workers.accepted(since=5, until=60) == pytest.approx(share, rel=0.03)


@pytest.mark.parametrize(("before", "after"), [(14, 100), (50, 100), (100, 14), (1000, 100)])
def test_a_changed_rate_is_followed_within_the_cache_time(before: int, after: int) -> None:
    workers = Workers(before)
    workers.start(4, "transactional", batch=10, backlog=MIXED)
    changed = 12
    workers.simulation.at(
        NOW + changed, lambda: workers.account.change(Limits(max_send_rate=after, max_24_hour_send=-1), None)
    )
    workers.simulation.run(70)
    # what was reserved at the former rate is sent first, and SES answers once a second
    since = changed + CACHE_SECONDS + 5
    assert [moment for moment, _ in workers.refused if moment - NOW > since] == []
    assert 0.97 <= workers.accepted(since=since, until=70) <= 1.01


@pytest.mark.parametrize("rate", [14, 50, 100])
def test_mails_for_more_recipients_than_the_bucket_holds_are_not_throttled(rate: int) -> None:
    workers = Workers(rate)
    workers.start(4, "transactional", batch=10, backlog=(*MIXED, 14, 20, 50))
    workers.simulation.run(120)
    assert workers.refused == []
    # before each the bucket may be full for as long as calls differ in how long they take
    assert 0.93 <= workers.accepted(since=5, until=120) <= 1.01


def test_an_exhausted_quota_is_noticed_before_ses_refuses_and_a_raised_one_within_the_cache_time() -> None:
    workers = Workers(100)
    workers.account.change(Limits(max_send_rate=100, max_24_hour_send=600), 0)
    workers.start(4, "bulk", batch=20, backlog=(1,))
    workers.simulation.at(
        NOW + 12, lambda: workers.account.change(Limits(max_send_rate=100, max_24_hour_send=900), None)
    )
    workers.simulation.run(22)
    early = [moment for moment, _ in workers.sent["bulk"] if moment - NOW < 12]
    assert len(early) == 600
    assert len(workers.sent["bulk"]) == 900
    assert workers.refused == []
    assert workers.exhausted > 0

from __future__ import annotations

import pytest

from mailbus_cli.room.changes import Change, Changes, Rate, differing, received_versions, sent_versions
from tests.unit.mailbus_cli.room.mails import received, timeline_event, timeline_mail

ONE, TWO, THREE = (Change(id=name) for name in ("1", "2", "3"))


def test_a_mail_that_changes_again_is_one_change_in_its_last_place() -> None:
    changes = Changes()
    changes.add((ONE, TWO, ONE))
    assert changes.since(0) == (TWO, ONE)


def test_a_page_goes_on_after_the_last_change_that_it_has() -> None:
    changes = Changes()
    changes.add((ONE, TWO))
    known = changes.number
    assert changes.since(known) == ()
    changes.add((THREE,))
    assert changes.since(known) == (THREE,)


def test_what_is_forgotten_or_of_another_run_is_not_known() -> None:
    changes = Changes(kept=2)
    changes.add((ONE, TWO, THREE))
    assert changes.since(0) is None
    assert changes.since(1) == (TWO, THREE)
    assert changes.since(4) is None


def test_a_message_and_a_received_mail_of_one_id_are_two() -> None:
    changes = Changes()
    changes.add((ONE, Change(id="1", list="received")))
    assert len(changes.since(0) or ()) == 2


@pytest.mark.parametrize(
    ("counts", "now", "rate"),
    [
        ({}, 5.0, 0.0),
        ({0.0: 12}, 0.5, 12.0),
        ({0.0: 12, 1.0: 12, 2.0: 12}, 2.0, 18.0),
        ({second / 4: 3 for second in range(60)}, 15.0, 12.0),
        ({0.0: 12}, 11.0, 0.0),
    ],
)
def test_the_rate_is_that_of_the_last_seconds(counts: dict[float, int], now: float, rate: float) -> None:
    measured = Rate()
    for at, count in counts.items():
        measured.count(at, count)
    assert measured.a_second(now) == pytest.approx(rate, rel=0.05)


def test_a_reading_differs_where_a_mail_is_new_or_has_another_event() -> None:
    queued, delivered = timeline_event("queued"), timeline_event("delivered", 1)
    before = sent_versions([timeline_mail(queued)])
    now = sent_versions([timeline_mail(queued, delivered)])
    assert differing(before, before) == ()
    assert differing(before, now) == (Change(id="0100-1", job="invoice-1"),)
    assert differing({}, {ONE: "a", TWO: "a"}) == (TWO, ONE)


def test_a_message_to_two_is_one_change() -> None:
    mails = [timeline_mail(timeline_event("queued", recipient=f"{name}@example.net")) for name in "ab"]
    both, one = sent_versions(mails), sent_versions(mails[:1])
    assert list(both) == list(one)
    assert differing(one, both)


def test_a_received_mail_changes_when_it_can_be_read_after_all() -> None:
    failed = received_versions([received(event_type="inbound_failed")])
    assert differing(failed, received_versions([received()])) == (Change(id="in-1", list="received"),)

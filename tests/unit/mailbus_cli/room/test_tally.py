from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from mailbus.timeline.items import position
from mailbus.timeline.mails import TimelineMail
from mailbus_cli.room.tally import Tally
from mailbus_cli.status_words import CHIPS
from tests.unit.mailbus_cli.room.mails import BOUNCE, START, timeline_event, timeline_mail


def _mail(event_type: str = "delivered", **fields: Any) -> TimelineMail:
    return timeline_mail(timeline_event(event_type, **fields))


def _counts(tally: Tally) -> dict[str, int]:
    return {key: count for key, count in tally.by_chip.items() if count}


def test_a_row_is_counted_under_each_chip_once_however_often_it_is_seen() -> None:
    tally = Tally()
    mails = [
        _mail(),
        _mail("bounced", recipient="bob@example.net", **BOUNCE),
        _mail("opened", recipient="c@d.e"),
    ]
    tally.see(mails)
    tally.see(mails)
    expected = {"all": 1, "problems": 1, "delivered": 1, "opened": 1, "bounced": 1}
    assert _counts(tally) == expected
    assert "invoice-1" in tally


def test_pages_count_and_look_at_the_same_time() -> None:
    tally, all_chips = Tally(), CHIPS[0]
    problems = next(chip for chip in CHIPS if chip.key == "problems")

    def look(thread: int) -> None:
        for at in range(200):
            job, message = f"job-{thread}-{at}", f"message-{thread}-{at}"
            tally.see([_mail("sent", job_id=job, message_id=message)])
            tally.under(problems, None, 5)
            tally.see([_mail("bounced", job_id=job, message_id=message, **BOUNCE)])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(look, range(8)))
    assert _counts(tally) == {all_chips.key: 1600, "problems": 1600, "bounced": 1600}


def test_a_mail_that_goes_on_is_counted_where_it_is_now() -> None:
    tally = Tally()
    tally.see([_mail("sent")])
    assert _counts(tally) == {"all": 1, "on-its-way": 1}
    tally.see([_mail("delivered")])
    assert _counts(tally) == {"all": 1, "delivered": 1}


def test_the_messages_of_a_merge_are_one_row_seen_in_any_parts() -> None:
    tally = Tally()
    tally.see([_mail("delivered", message_id="m1"), _mail("sent", message_id="m2")])
    tally.see([_mail("delivered", message_id="m2")])
    assert _counts(tally) == {"all": 1, "delivered": 1}


def test_the_rows_of_a_chip_are_found_newest_first_and_below_a_place() -> None:
    tally = Tally()
    for number, kind in enumerate(["delivered", "bounced", "delivered", "bounced"]):
        fields = {"job_id": f"order-{number}", "message_id": f"m{number}"}
        tally.see([timeline_mail(timeline_event(kind, number, **fields))])
    bounced = next(chip for chip in CHIPS if chip.key == "bounced")
    assert tally.under(bounced, None, 5) == [["message#m3"], ["message#m1"]]
    assert tally.under(bounced, None, 1) == [["message#m3"]]
    below = position(START + timedelta(seconds=3), "message#m3")
    assert tally.under(bounced, below, 5) == [["message#m1"]]


def test_what_failed_before_ses_accepted_the_job_is_overtaken() -> None:
    tally = Tally()
    failed = TimelineMail(group="job#invoice-1", created=START, job_id="invoice-1", seen=_mail("failed").seen)
    tally.see([failed])
    assert _counts(tally) == {"all": 1, "problems": 1, "failed": 1}
    tally.see([_mail("queued")])
    assert _counts(tally) == {"all": 1, "on-its-way": 1}

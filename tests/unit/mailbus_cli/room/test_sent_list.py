from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mailbus.timeline.mails import Seen, TimelineMail
from mailbus_cli.room.ledger_jobs import LedgerJob
from mailbus_cli.room.sent_list import Item, items_of, rows
from mailbus_cli.room.subjects import Subject
from mailbus_cli.status_words import CHIPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus.timeline.status import Kind
    from mailbus_cli.room.sent_list import Row

AT = datetime(2026, 11, 28, 14, 31, 57, tzinfo=UTC)
NOW = AT.timestamp() + 60
BY_KEY = {chip.key: chip for chip in CHIPS}


def _mail(kind: Kind = "delivered", *, message_id: str | None = "m1", **fields: Any) -> TimelineMail:
    values: dict[str, Any] = {
        "group": f"message#{message_id}" if message_id else "job#order-1",
        "created": AT,
        "message_id": message_id,
        "job_id": "order-1",
        "recipient": "ann@example.net",
        "seen": {kind: Seen(at=AT, event_type=kind, text="550 5.1.1 user unknown")},
    }
    return TimelineMail(**values | fields)


def _rows(
    mails: Sequence[TimelineMail] = (), *, job: LedgerJob | None = None, **subjects: str
) -> tuple[Row, ...]:
    items = items_of(mails) if job is None else (Item(mails=tuple(mails), job=job),)
    known = {
        message_id: Subject(message_id=message_id, job_id="order-1", recipients=(), subject=subject)
        for message_id, subject in subjects.items()
    }
    return rows(items, known, option="--local", doubt_seconds=60, now=NOW)


def test_a_message_is_a_row_with_the_subject_that_is_known() -> None:
    (row,) = _rows([_mail(tags=("receipt",))], m1="Your receipt")
    assert (row.id, row.label, row.subject, row.job_id, row.tags, row.reason, row.last) == (
        "m1",
        "delivered",
        "Your receipt",
        "order-1",
        ("receipt",),
        None,
        AT,
    )


def test_a_problem_has_its_reason_in_the_servers_words() -> None:
    (row,) = _rows([_mail("bounced")])
    assert (row.label, row.reason, row.subject, row.is_attention) == (
        "bounced",
        "550 5.1.1 user unknown",
        None,
        True,
    )


def test_a_late_bounce_says_when_it_was_accepted_and_when_returned() -> None:
    seen = {
        "delivered": Seen(at=AT, event_type="delivered", text="250 OK"),
        "bounced": Seen(at=AT + timedelta(minutes=6), event_type="bounced", text="552 5.2.2 mailbox full"),
    }
    (row,) = _rows([_mail(seen=seen)])
    at, later = AT.astimezone(), (AT + timedelta(minutes=6)).astimezone()
    assert row.reason == f"accepted at {at:%H:%M:%S}, returned at {later:%H:%M:%S}: 552 5.2.2 mailbox full"


def test_the_recipients_of_a_message_are_one_row_with_the_worst_status_and_what_the_others_have() -> None:
    (row,) = _rows(
        [_mail(), _mail("bounced", recipient="bob@example.net"), _mail("opened", recipient="c@d.e")]
    )
    assert (row.id, row.label, row.count, row.is_few) == ("m1", "bounced 1 of 3", 3, True)
    assert (row.addresses[0], row.reason) == ("bob@example.net", "1 delivered, 1 opened")


def test_the_messages_of_a_merge_are_one_row_that_leads_to_the_job() -> None:
    (row,) = _rows([_mail(), _mail("bounced", message_id="m2", recipient="bob@example.net")], m2="Hello")
    assert (row.id, row.label, row.count, row.subject) == ("order-1", "bounced 1 of 2", 2, "Hello")


def test_one_message_of_a_merge_leads_to_the_job_too() -> None:
    (row,) = _rows([_mail(entry="7")])
    assert row.id == "order-1"


@pytest.mark.parametrize("job_id", [None, "other"])
def test_messages_of_different_jobs_or_of_none_are_rows_of_their_own(job_id: str | None) -> None:
    two = _mail(message_id="m2", job_id=job_id), _mail(message_id="m3", job_id=None)
    assert [row.id for row in _rows(two)] == ["m2", "m3"]


def test_a_job_that_was_not_sent_leads_to_the_job() -> None:
    (row,) = _rows([_mail("not_sent", message_id=None)])
    assert row.id == "order-1"


def test_a_row_keeps_its_key_and_changes_its_version_while_its_mail_goes_on() -> None:
    (failed,) = _rows([_mail("not_sent", message_id=None)])
    (accepted,) = _rows([_mail("queued")])
    (again,) = _rows([_mail("queued")])
    assert failed.key == accepted.key == "order-1"
    assert failed.version != accepted.version == again.version


def test_a_job_that_only_the_ledger_knows_is_a_row() -> None:
    job = LedgerJob(
        job_id="order-1", counts={"in_doubt": 1}, since=AT.timestamp(), called_at=AT.timestamp() + 14
    )
    (row,) = _rows(job=job)
    assert (row.id, row.key, row.label, row.addresses, row.last) == ("order-1", "order-1", "in doubt", (), AT)
    assert row.reason == "no answer from SES; looking for its Send event, 14 s left"
    known = LedgerJob(job_id="order-1", counts={"scheduled": 2}, since=0, recipients=("a@b.c", "d@e.f"))
    assert _rows(job=known)[0].label == "scheduled 2 of 2"


def test_what_waits_of_a_merge_counts_with_what_was_accepted_of_it() -> None:
    job = LedgerJob(job_id="order-1", counts={"waiting": 3, "queued": 1}, since=0)
    mails = [_mail(entry="0")]
    (row,) = _rows(mails, job=job)
    assert (row.label, row.count, row.reason) == ("waiting 3 of 4", 4, "1 delivered")
    # the timeline is ahead of the ledger's reading
    ahead = [_mail(message_id=f"m{number}", entry=str(number)) for number in range(3)]
    assert _rows(ahead, job=job)[0].label == "waiting 1 of 4"


def test_a_merge_is_where_its_newest_message_is() -> None:
    older = _mail(entry="0")
    newer = _mail(message_id="m2", entry="1", created=AT + timedelta(seconds=9))
    assert (
        Item(mails=(older, newer)).position == Item(mails=(newer,)).position > Item(mails=(older,)).position
    )


def test_a_row_is_under_the_chips_of_all_its_mails() -> None:
    item = Item(mails=(_mail(), _mail("bounced", recipient="bob@example.net")))
    assert [key for key, chip in BY_KEY.items() if item.has(chip)] == [
        "all",
        "problems",
        "delivered",
        "bounced",
    ]


def test_nothing_is_no_rows() -> None:
    assert _rows([]) == ()

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from mailbus.timeline.mails import Seen, TimelineMail
from mailbus_cli.room.sent_list import rows

if TYPE_CHECKING:
    from mailbus.timeline.status import Kind

AT = datetime(2026, 11, 28, 14, 31, 57, tzinfo=UTC)


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


def test_a_message_is_a_row_with_the_subject_that_is_known() -> None:
    (row,) = rows([_mail(tags=("receipt",))], {"m1": "Your receipt"})
    assert (row.id, row.label, row.subject, row.job_id, row.tags, row.reason, row.last) == (
        "m1",
        "delivered",
        "Your receipt",
        "order-1",
        ("receipt",),
        None,
        AT,
    )


def test_a_problem_has_its_reason() -> None:
    (row,) = rows([_mail("bounced")], {})
    assert (row.label, row.reason, row.subject) == ("bounced", "550 5.1.1 user unknown", None)


def test_the_recipients_of_a_message_are_one_row_with_the_worst_status() -> None:
    (row,) = rows([_mail(), _mail("bounced", recipient="bob@example.net")], {})
    assert (row.id, row.label, row.count) == ("m1", "bounced 1 of 2", 2)


def test_the_messages_of_a_merge_are_one_row_that_leads_to_the_job() -> None:
    (row,) = rows([_mail(), _mail("bounced", message_id="m2", recipient="bob@example.net")], {"m2": "Hello"})
    assert (row.id, row.label, row.count, row.subject) == ("order-1", "bounced 1 of 2", 2, "Hello")


@pytest.mark.parametrize("job_id", [None, "other"])
def test_messages_of_different_jobs_or_of_none_are_rows_of_their_own(job_id: str | None) -> None:
    two = _mail(message_id="m2", job_id=job_id), _mail(message_id="m3", job_id=None)
    assert [row.id for row in rows(two, {})] == ["m2", "m3"]


def test_a_job_that_was_not_sent_leads_to_the_job() -> None:
    (row,) = rows([_mail("not_sent", message_id=None)], {})
    assert row.id == "order-1"


def test_a_row_keeps_its_key_and_changes_its_version_while_its_mail_goes_on() -> None:
    (failed,) = rows([_mail("not_sent", message_id=None)], {})
    (accepted,) = rows([_mail("queued")], {})
    (again,) = rows([_mail("queued")], {})
    assert failed.key == accepted.key == "order-1"
    assert failed.version != accepted.version == again.version


def test_nothing_is_no_rows() -> None:
    assert rows([], {}) == ()

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.events import InboundEvent, InboundMessage
from mailbus.timeline.mails import (
    TEXT_CHARACTERS,
    Seen,
    group_of,
    mail_of,
    merged,
    received_of,
    same_recipient,
)
from tests.unit.mailbus.timeline.timelines import NINE, event, message, unsent

EVENT_TYPES = ("queued", "sent", "deferred", "delivered", "opened", "clicked", "bounced", "complained")


def mail(event_type: Any, minute: float = 0, **fields: Any) -> Any:
    return mail_of(event(event_type, minute, **fields))


def test_a_mail_is_of_its_message_or_else_of_its_job() -> None:
    assert mail("sent").group == f"message#{message(1)}"
    before = mail_of(unsent())
    assert before is not None
    assert (before.group, before.message_id, before.status) == ("job#order-1001", None, "not_sent")


def test_an_event_of_no_message_and_no_job_is_still_found_by_its_recipient() -> None:
    alone = event("unknown", message_id=None, job_id=None)
    assert group_of(alone) == f"event#{alone.event_id}"
    assert mail_of(alone) is not None


def test_a_job_that_is_refused_for_another_jobs_id_is_none_of_that_jobs_mails() -> None:
    assert mail_of(unsent(error_code="JobIdConflict")) is None


def test_the_servers_words_come_before_ses_s_own_and_are_cut() -> None:
    bounced = mail("bounced", description="Permanent: General", mta_response="smtp; 550 5.1.1 " + "x" * 400)
    assert bounced.deciding.text == ("smtp; 550 5.1.1 " + "x" * 400)[:TEXT_CHARACTERS]
    assert mail("bounced", description="Permanent: General").deciding.text == "Permanent: General"
    assert mail("opened").deciding.text is None


def test_the_deciding_event_of_a_late_bounce_is_the_bounce() -> None:
    both = merged(
        [mail("delivered", 1, mta_response="250 OK"), mail("bounced", 5, mta_response="550 5.2.2 full")]
    )
    assert both.deciding is not None
    assert (both.status, both.deciding.text) == ("bounced_late", "550 5.2.2 full")
    assert both.last == NINE + timedelta(minutes=5)


def test_a_mail_with_marks_alone_is_unknown_and_names_the_mark() -> None:
    answered = mail("autoresponded")
    assert (answered.status, answered.deciding.event_type) == ("unknown", "autoresponded")
    newer = mail_of(event("unknown"), "teleported")
    assert newer is not None
    assert newer.seen == {"mark": Seen(at=NINE, event_type="teleported")}


@given(st.lists(st.tuples(st.sampled_from(EVENT_TYPES), st.integers(0, 30)), min_size=1), st.data())
def test_readings_of_a_mail_merge_to_the_same_in_any_order(seen: list[tuple[str, int]], data: Any) -> None:
    mails = [mail(event_type, minute) for event_type, minute in seen]
    shuffled = data.draw(st.permutations(mails + mails[:3]))
    one, other = merged(mails), merged(shuffled)
    assert (one.status, one.seen, one.created) == (other.status, other.seen, other.created)
    assert one.created == NINE + timedelta(minutes=min(minute for _, minute in seen))


def test_a_merge_keeps_what_only_one_reading_has() -> None:
    without = mail("delivered", job_id=None, tags=())
    both = merged([without, mail("queued")])
    assert (both.job_id, both.tags) == ("order-1001", ("receipt",))


def test_a_message_of_a_merge_has_its_place_in_it_whichever_event_says_it() -> None:
    sent = mail("sent", message_tags={"mailbus-job-id": ("order-1001",), "mailbus-entry": ("2-17",)})
    assert (mail("sent").entry, sent.entry) == (None, "2-17")
    assert merged([mail("queued"), sent]).entry == "2-17"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ann@example.com", "ann@EXAMPLE.com", True),
        ("Ann@example.com", "ann@example.com", False),
        (None, None, True),
        (None, "ann@example.com", False),
    ],
)
def test_addresses_are_compared_without_case_in_the_domain(one: Any, other: Any, same: Any) -> None:
    assert same_recipient(one, other) is same


def test_of_a_received_mail_only_envelope_and_verdicts_are_kept() -> None:
    received = InboundEvent(
        event_type="inbound",
        event_id="o3vrnil0e2ic28tr",
        message_id="o3vrnil0e2ic28tr",
        timestamp=NINE,
        message=InboundMessage(
            envelope_sender="bob@example.com",
            envelope_recipients=("help@shop.example.com",),
            subject="A secret subject",
            text="A secret text",
        ),
        spf_verdict="PASS",
    )
    kept = received_of(received)
    assert group_of(received) == "received#o3vrnil0e2ic28tr"
    assert (kept.envelope_sender, kept.envelope_recipients) == ("bob@example.com", ("help@shop.example.com",))
    assert kept.spf_verdict == "PASS"
    assert "secret" not in str(kept)


def test_a_received_mail_that_cannot_be_read_has_its_reason() -> None:
    failed = InboundEvent(
        event_type="inbound_failed", event_id="x", timestamp=NINE, description="no such key"
    )
    kept = received_of(failed)
    assert (kept.message_id, kept.description, kept.envelope_sender) == ("x", "no such key", None)

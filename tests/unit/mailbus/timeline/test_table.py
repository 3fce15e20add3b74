from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest
from botocore.exceptions import EndpointConnectionError

from mailbus.errors import ConfigurationError, SendError
from mailbus.timeline import items
from mailbus.timeline.mails import ReceivedMail
from mailbus.timeline.table import TRIES
from tests.unit.fakes.dynamodb import refused
from tests.unit.mailbus.timeline.timelines import KEEP, NINE, Timeline, event, message, unsent

if TYPE_CHECKING:
    from mailbus.events import EmailEvent


ALONE: Final = {"mail": {"destination": ["ann@example.com"]}}


@pytest.fixture
def timeline() -> Timeline:
    return Timeline(page_items=7)


def order(number: int, minute: float = 0) -> EmailEvent:
    recipient = f"user{number}@example.com"
    return event("sent", minute, message_id=message(number), job_id=f"order-{number}", recipient=recipient)


def test_a_message_has_a_mail_for_each_recipient(timeline: Timeline) -> None:
    timeline.record(event("sent"), event("bounced", 1, recipient="bob@example.com"), event("delivered", 2))
    mails = timeline.table.by_message(message(1))
    assert {mail.recipient: mail.status for mail in mails} == {
        "ann@example.com": "delivered",
        "bob@example.com": "bounced",
    }
    assert timeline.table.by_message(message(2)) == ()


def test_a_job_has_its_messages_newest_first(timeline: Timeline) -> None:
    timeline.record(
        *(event("sent", n, message_id=message(n), recipient=f"u{n}@example.com") for n in range(250))
    )
    mails = timeline.table.by_job("order-1001")
    assert [mail.message_id for mail in mails] == [message(n) for n in reversed(range(250))]
    assert timeline.table.by_job("order-1002") == timeline.table.by_job("") == ()


def test_a_failure_before_acceptance_is_overtaken_by_the_message_of_the_same_recipient(
    timeline: Timeline,
) -> None:
    timeline.record(unsent(), unsent(recipient="bob@example.com"))
    assert {mail.status for mail in timeline.table.by_job("order-1001")} == {"not_sent"}
    timeline.record(event("queued", 5))
    expected = [("ann@example.com", "queued"), ("bob@example.com", "not_sent")]
    for mails in (timeline.table.by_job("order-1001"), timeline.table.newest().mails):
        assert [(mail.recipient, mail.status) for mail in mails] == expected
    assert [mail.status for mail in timeline.table.by_recipient("ann@example.com")] == ["queued"]
    assert [mail.status for mail in timeline.table.by_recipient("bob@example.com")] == ["not_sent"]


def test_a_job_that_could_not_be_read_is_overtaken_by_any_of_its_messages(timeline: Timeline) -> None:
    timeline.record(unsent(recipient=None))
    assert [mail.status for mail in timeline.table.newest().mails] == ["not_sent"]
    timeline.record(event("queued", 5))
    assert [mail.status for mail in timeline.table.newest().mails] == ["queued"]
    assert [mail.status for mail in timeline.table.by_job("order-1001")] == ["queued"]


def test_a_conflicting_job_changes_no_mail_and_its_event_is_found_by_the_job(timeline: Timeline) -> None:
    timeline.record(event("sent"), unsent(1, error_code="JobIdConflict"))
    (mail,) = timeline.table.by_job("order-1001")
    assert mail.status == "sent"
    (kept,) = timeline.table.group_events("job#order-1001")
    assert kept.entry["detail"]["error_code"] == "JobIdConflict"
    assert [one.entry["detail"]["event_type"] for one in timeline.table.events(mail)] == ["sent"]


def test_a_mail_has_the_events_of_its_jobs_earlier_tries(timeline: Timeline) -> None:
    timeline.record(unsent(), unsent(recipient="bob@example.com"), unsent(recipient=None), event("queued", 5))
    (mail,) = timeline.table.by_message(message(1))
    details = [kept.entry["detail"]["event_type"] for kept in timeline.table.events(mail)]
    assert details == ["failed", "failed", "queued"]


def test_a_recipient_is_found_whatever_the_case_of_the_domain(timeline: Timeline) -> None:
    timeline.record(event("sent", recipient="Ann@Example.COM"), order(2), event("sent", recipient=None))
    assert [mail.recipient for mail in timeline.table.by_recipient("Ann@example.com")] == ["Ann@Example.COM"]
    assert timeline.table.by_recipient("ann@example.com") == timeline.table.by_recipient("") == ()


def test_all_mail_is_read_page_by_page_newest_first(timeline: Timeline) -> None:
    timeline.record(*(order(number, number) for number in range(60)))
    read, page = [], timeline.table.newest(limit=8)
    while True:
        read += [mail.message_id for mail in page.mails]
        if page.older is None:
            break
        page = timeline.table.newest(page.older, limit=8)
    assert read == [message(number) for number in reversed(range(60))]


def test_the_recipients_of_a_message_are_together_at_its_first_event(timeline: Timeline) -> None:
    timeline.record(event("delivered", 9, recipient="bob@example.com"), event("queued", 0), order(2, 5))
    first = timeline.table.newest(limit=1)
    assert [mail.message_id for mail in first.mails] == [message(2)]
    second = timeline.table.newest(first.older, limit=1)
    assert [mail.recipient for mail in second.mails] == ["bob@example.com", "ann@example.com"]
    assert second.older is None


def test_a_page_of_messages_whose_recipients_are_known_needs_no_call_for_each(timeline: Timeline) -> None:
    timeline.record(*(event("sent", n, message_id=message(n), esp_event=ALONE) for n in range(20)))
    timeline.client.calls.clear()
    assert len(timeline.table.newest(limit=20).mails) == 20
    calls = [operation for operation, _ in timeline.client.calls]
    assert calls.count("BatchGetItem") == 1
    # of each shard, as many pages as it has
    assert calls.count("Query") <= 8 + 20 // 7


def test_a_message_of_several_recipients_is_whole_before_all_of_them_are_known(timeline: Timeline) -> None:
    both = {"mail": {"destination": ["ann@example.com", "Bob@EXAMPLE.com", "Bob@example.com"]}}
    timeline.record(event("sent", esp_event=both))
    assert [mail.recipients for mail in timeline.table.newest().mails] == [2]
    timeline.record(event("sent", 9, recipient="bob@example.com", esp_event=both))
    assert len(timeline.table.newest(limit=1).mails) == 2


def test_an_empty_timeline_has_one_empty_page(timeline: Timeline) -> None:
    assert (timeline.table.newest().mails, timeline.table.newest().older) == ((), None)
    assert (timeline.table.received().mails, timeline.table.received().older) == ((), None)


def test_mails_of_groups_are_read_whole_and_once(timeline: Timeline) -> None:
    timeline.record(
        event("sent"), event("sent", recipient="bob@example.com"), order(2), unsent(job_id="order-3")
    )
    groups = ["job#order-3", f"message#{message(1)}", "job#order-3", "message#unknown"]
    mails = timeline.table.mails(groups)
    assert [mail.group for mail in mails] == ["job#order-3", *[f"message#{message(1)}"] * 2]
    assert {mail.recipient for mail in mails[1:]} == {"ann@example.com", "bob@example.com"}


def test_events_are_read_oldest_first_and_those_of_no_recipient_are_everybodys(timeline: Timeline) -> None:
    timeline.record(
        event("delivered", 3),
        event("queued", 1),
        event("bounced", 2, recipient="bob@example.com"),
        event("unknown", 4, recipient=None),
    )
    mails = timeline.table.by_message(message(1))
    details = {
        mail.recipient: [kept.entry["detail"]["event_type"] for kept in timeline.table.events(mail)]
        for mail in mails
        if mail.recipient
    }
    assert details == {
        "ann@example.com": ["queued", "delivered", "unknown"],
        "bob@example.com": ["bounced", "unknown"],
    }


def test_received_mail_has_pages_of_its_own(timeline: Timeline) -> None:
    timeline.record(event("sent"))
    for number in range(5):
        mail = ReceivedMail(
            message_id=f"mail-{number}",
            received=NINE + timedelta(minutes=number),
            event_type="inbound",
            envelope_sender="ann@example.com",
        )
        timeline.put(items.received_item(mail, KEEP))
    first = timeline.table.received(limit=3)
    second = timeline.table.received(first.older, limit=3)
    assert [mail.message_id for mail in (*first.mails, *second.mails)] == [
        f"mail-{n}" for n in (4, 3, 2, 1, 0)
    ]
    assert second.older is None
    assert len(timeline.table.newest().mails) == len(timeline.table.by_recipient("ann@example.com")) == 1
    found = timeline.table.received_by_message("mail-3")
    assert found is not None
    assert found.message_id == "mail-3"
    assert timeline.table.received_by_message("mail-9") is None


def test_what_has_expired_is_not_read_though_dynamodb_has_yet_to_delete_it(timeline: Timeline) -> None:
    timeline.record(event("sent"))
    timeline.now = float(KEEP)
    assert timeline.table.newest().mails == timeline.table.by_job("order-1001") == ()
    assert timeline.table.by_recipient("ann@example.com") == timeline.table.by_message(message(1)) == ()
    assert timeline.table.group_events(f"message#{message(1)}") == ()


def test_keys_that_dynamodb_leaves_unprocessed_are_read_again(timeline: Timeline) -> None:
    timeline.record(*(event("sent", n, message_id=message(n)) for n in range(5)))
    timeline.client.unprocessed = [3, 1]
    assert len(timeline.table.by_job("order-1001")) == 5
    timeline.client.unprocessed = [5] * TRIES
    with pytest.raises(SendError, match="Unread") as raised:
        timeline.table.by_job("order-1001")
    assert raised.value.retryable


def test_the_error_of_a_reader_without_rights_names_what_to_allow(timeline: Timeline) -> None:
    timeline.client.errors = [refused("AccessDeniedException", "Query")]
    with pytest.raises(
        ConfigurationError, match=r"dynamodb:Query .* on the timeline .*; grant_status of the stacks"
    ):
        timeline.table.by_message(message(1))


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://dynamodb"),
        refused("ProvisionedThroughputExceededException"),
    ],
)
def test_a_dynamodb_that_does_not_answer_is_a_send_error(timeline: Timeline, error: Exception) -> None:
    timeline.client.errors = [error]
    with pytest.raises(SendError):
        timeline.table.by_message(message(1))

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.events import InboundEvent, InboundMessage
from tests.unit.fakes.clients import refusal
from tests.unit.fakes.dynamodb import refused
from tests.unit.mailbus.timeline.timelines import NINE, event, message, unsent
from tests.unit.mailbus.whole_events import golden_details, whole
from tests.unit.timeline.recording import NOW, RECEIVES, Function, body, record

JOURNEY = [
    event("queued"),
    event("sent", 1),
    event("deferred", 2),
    event("delivered", 3),
    event("bounced", 4, mta_response="552 5.2.2 mailbox full"),
    event("queued", recipient="bob@example.com"),
    event("complained", 9, recipient="bob@example.com"),
    unsent(recipient="eve@example.com"),
]
STATUSES = {"ann@example.com": "bounced_late", "bob@example.com": "complained", "eve@example.com": "not_sent"}


@pytest.fixture
def function() -> Function:
    return Function()


def stored(function: Function) -> Any:
    return {
        key: {name: value for name, value in item.items() if name != "created"}
        for key, item in function.dynamodb.items.items()
    }


@given(st.data())
def test_any_order_any_copies_and_any_batches_give_the_same_timeline(data: Any) -> None:
    straight, shuffled = Function(), Function()
    straight.record(*JOURNEY)
    events = data.draw(st.permutations(JOURNEY + data.draw(st.lists(st.sampled_from(JOURNEY), max_size=5))))
    while events:
        size = data.draw(st.integers(1, len(events)))
        shuffled.record(*events[:size])
        events = events[size:]
    assert stored(shuffled) == stored(straight)
    assert {mail.recipient: mail.status for mail in shuffled.table.newest().mails} == STATUSES


def test_several_events_of_a_mail_in_a_batch_are_one_update(function: Function) -> None:
    function.record(event("queued"), event("sent", 1), event("delivered", 2), event("delivered", 2))
    assert sorted(function.dynamodb.calls) == [("BatchWriteItem", 3), ("UpdateItem", 1)]


def test_a_replayed_event_is_the_same_event(function: Function) -> None:
    sent = event("sent")
    function.process(
        record(body(sent)), record(body(sent, **{"replay-name": "of-november", "id": "other"}), 2)
    )
    assert len(function.dynamodb.items) == 2
    assert [mail.status for mail in function.table.by_message(message(1))] == ["sent"]


def test_a_late_event_of_an_expired_mail_is_kept_anew(function: Function) -> None:
    function.record(event("delivered"))
    function.now += 400 * 86400
    function.dynamodb.items.clear()
    function.record(event("complained", 5))
    assert [mail.status for mail in function.table.by_message(message(1))] == ["complained"]
    assert {int(item["expires_at"]["N"]) for item in function.dynamodb.items.values()} == {
        int(NOW) + 430 * 86400
    }


def test_a_job_that_is_refused_for_anothers_id_is_kept_beside_that_jobs_mails(function: Function) -> None:
    function.record(event("sent"), unsent(1, error_code="JobIdConflict"))
    assert [mail.status for mail in function.table.by_job("order-1001")] == ["sent"]
    (kept,) = function.table.group_events("job#order-1001")
    assert kept.entry["detail"]["error_code"] == "JobIdConflict"


def newer(**changes: Any) -> str:
    detail = json.loads(body(event("delivered", 3)))["detail"]
    return json.dumps(whole({**detail, **changes}))


@pytest.mark.parametrize(
    ("newer_body", "status"),
    [
        (newer(event_type="teleported", destination={"planet": "Mars"}), "unknown"),
        (newer(schema_version=2, new_field=[1]), "delivered"),
        (newer(schema_version=2, tags={"now": "an object"}), "unknown"),
        (newer(event_type="x" * 5000), "unknown"),
    ],
)
def test_an_event_of_a_newer_version_is_kept_and_never_an_error(
    function: Function, newer_body: str, status: str
) -> None:
    assert function.process(record(newer_body)) == []
    assert function.sqs.sent == []
    (mail,) = function.table.by_message(message(1))
    assert mail.status == status
    assert len(function.table.events(mail)) == 1


@pytest.mark.parametrize(
    ("poison", "reason"),
    [
        ("not JSON", "not JSON"),
        ("[1]", "not an event of the bus"),
        ('{"detail": "text"}', "not an event of the bus"),
        (json.dumps({"source": "mailbus", "detail": {"answer": 42}}), "it has no event_type"),
        (newer(event_id=None), "not an event of Mailbus"),
        (newer(timestamp="yesterday"), "not an event of Mailbus"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_poisonous_record_is_dead_lettered_with_the_reason_and_its_batch_is_recorded(
    function: Function, poison: str, reason: str
) -> None:
    assert function.process(record(poison), record(body(event("sent")), 2)) == []
    (sent,) = function.sqs.sent
    assert sent["body"] == poison
    assert sent["attributes"]["Error"] == "InvalidEvent"
    assert reason in sent["attributes"]["Reason"]
    assert [mail.status for mail in function.table.by_message(message(1))] == ["sent"]


def test_an_item_that_dynamodb_refuses_is_dead_lettered_and_no_other(function: Function) -> None:
    function.dynamodb.errors = [None, refused("ValidationException", "BatchWriteItem"), None]
    function.process(record(body(event("sent", recipient="x" * 1100 + "@example.com"))))
    (sent,) = function.sqs.sent
    assert (sent["attributes"]["Code"], sent["attributes"]["Error"]) == (
        "ValidationException",
        "InvalidEvent",
    )
    assert "xxx" not in sent["attributes"]["Reason"]


def test_only_the_records_whose_writes_failed_are_retried(function: Function) -> None:
    function.dynamodb.unprocessed = [1, 1, 1, 1]
    retried = function.record(event("sent"), event("sent", recipient="bob@example.com"))
    assert retried == ["message-1"]
    assert function.sqs.sent == []


def test_what_dynamodb_leaves_unprocessed_is_written_again(function: Function) -> None:
    function.dynamodb.unprocessed = [2, 1]
    assert function.record(event("sent"), event("sent", recipient="bob@example.com")) == []
    assert len(function.table.group_events(f"message#{message(1)}")) == 2


def test_a_table_that_does_not_answer_is_retried_until_the_last_receive(function: Function) -> None:
    outage = refusal("ProvisionedThroughputExceededException", operation="UpdateItem")
    function.dynamodb.errors = [outage, outage]
    assert function.process(record(body(event("sent")), receive_count=RECEIVES - 1)) == ["message-1"]
    function.dynamodb.errors = [outage, outage]
    assert function.process(record(body(event("sent")), receive_count=RECEIVES)) == []
    (sent,) = function.sqs.sent
    assert sent["attributes"]["Code"] == "ProvisionedThroughputExceededException"
    # redriven once the table answers
    assert function.process(record(sent["body"], 2)) == []
    assert [mail.status for mail in function.table.by_message(message(1))] == ["sent"]


def test_a_record_is_retried_while_its_dead_letter_queue_does_not_answer(function: Function) -> None:
    function.sqs.outage = refusal("InternalError")
    assert function.process(record("not JSON")) == ["message-1"]


def test_a_batch_without_time_left_is_retried(function: Function) -> None:
    from timeline.batch import process  # noqa: PLC0415 - beside the fake's own

    assert [failed.message_id for failed in process([record(body(event("sent")))], function.recorder(2))] == [
        "message-1"
    ]
    assert function.dynamodb.items == {}


def test_received_mail_is_kept_by_envelope_and_verdicts(function: Function) -> None:
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
            headers=(("X-Secret", "secret"),),
        ),
        spf_verdict="PASS",
    )
    assert function.record(received, received) == []
    (mail,) = function.table.received().mails
    assert (mail.envelope_sender, mail.spf_verdict) == ("bob@example.com", "PASS")
    (kept,) = function.table.group_events("received#o3vrnil0e2ic28tr")
    assert kept.entry["detail"]["message"] == {
        "envelope_sender": "bob@example.com",
        "envelope_recipients": ["help@shop.example.com"],
    }
    assert "secret" not in function.stored().lower()


SUBJECT = "Ihre Größe 1001 ✓"


def test_no_subject_and_no_header_is_ever_stored(function: Function) -> None:
    number = 0
    for number, (_, detail) in enumerate(golden_details()):
        changed = json.loads(json.dumps(detail))
        mail = (changed.get("esp_event") or {}).get("mail")
        if isinstance(mail, dict):
            mail["commonHeaders"] = {"subject": SUBJECT}
            mail["headers"] = [{"name": "Subject", "value": SUBJECT}]
        if isinstance(changed.get("message"), dict):
            changed["message"] |= {"subject": SUBJECT, "text": SUBJECT, "html": SUBJECT}
        for event_type in {changed["event_type"], "teleported"}:
            body_ = json.dumps(whole({**changed, "event_type": event_type}))
            assert function.process(record(body_, number)) == []
            assert json.dumps(SUBJECT)[1:-1] not in function.stored()
            assert '"commonHeaders"' not in function.stored()
            function.dynamodb.items.clear()
    assert function.sqs.sent == []
    assert number > 20


def test_the_log_has_counts_and_codes_and_no_address(function: Function) -> None:
    function.dynamodb.errors = [refusal("ThrottlingException", "of ann@example.com", operation="UpdateItem")]
    function.process(record(body(event("sent"))), record("poison of ann@example.com", 2))
    written = function.logged.getvalue()
    assert "ThrottlingException" in written
    assert "ann@example.com" not in written

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mailbus_cli.job_states import JobState
from mailbus_cli.room import sent_mail
from mailbus_cli.room.content.mail import read
from mailbus_cli.room.facts import facts
from mailbus_cli.room.room import Room
from mailbus_cli.room.sent_mail import answer, find, known_of, others, suppression, tracking
from tests.unit.mailbus_cli.room.content.mails import html_mail
from tests.unit.mailbus_cli.room.laptop import (
    DESTINATION,
    FakeDeployment,
    FakeTimeline,
    client_error,
    simulator,
)
from tests.unit.mailbus_cli.room.mails import BOUNCE, MESSAGE_ID, timeline_event, timeline_mail
from tests.unit.mailbus_cli.room.test_failures import answer_of

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS = (
    timeline_event(
        "queued",
        metadata={"order": 1001},
        message_tags={"ses:configuration-set": ["mailbus-prod"]},
        esp_event={
            "mail": {"source": "billing@example.com", "sourceArn": "arn:aws:ses:x:1:identity/example.com"}
        },
    ),
    timeline_event("bounced", 0.54, **BOUNCE),
)
MERGE = [
    (timeline_event(kind, 1, recipient=f"{name}@example.net", message_id=f"m-{name}"))
    for name, kind in (("amy", "delivered"), ("bob", "bounced"), ("cid", "delivered"))
]
TIMELINE = FakeTimeline(
    [timeline_mail(*EVENTS), *(timeline_mail(event) for event in MERGE)], [*EVENTS, *MERGE]
)
ACCOUNT = FakeDeployment()


@pytest.fixture(scope="module")
def laptop() -> Iterator[FakeDeployment]:
    raw = html_mail("<p>Hello</p>", more=b"Message-ID: <0100-1@email.amazonses.com>\r\n")
    with simulator({MESSAGE_ID: raw, "m-bob": raw, "only-here": raw}) as url:
        yield FakeDeployment(
            url, get_configuration_set_event_destinations={"EventDestinations": [DESTINATION]}
        )


def found(deployment: FakeDeployment, mail_id: str, recipient: str | None = None):  # type: ignore[no-untyped-def]  # noqa: ANN201
    return find(deployment, TIMELINE, mail_id, recipient)  # type: ignore[arg-type]


def test_a_message_has_its_events_and_on_the_laptop_its_content(laptop: FakeDeployment) -> None:
    mail = found(laptop, MESSAGE_ID)
    assert [event.entry["detail"]["event_type"] for event in mail.events] == ["queued", "bounced"]
    assert mail.message.tags == {"mailbus-job-id": "invoice-1"}
    assert not mail.is_merge


def test_in_an_account_there_is_no_content() -> None:
    mail = found(ACCOUNT, MESSAGE_ID)
    assert mail.message is None
    assert mail.job_id == "invoice-1"


def test_a_merge_is_found_by_its_job_with_problems_first(laptop: FakeDeployment) -> None:
    mail = found(laptop, "invoice-1")
    assert mail.is_merge
    assert [each.recipient for each in mail.mails][:2] == ["bob@example.net", "jane@example.net"]
    assert mail.message.message_id == "m-bob"


def test_the_recipient_whose_mail_is_shown_is_chosen(laptop: FakeDeployment) -> None:
    mail = found(laptop, "invoice-1", "amy@EXAMPLE.net")
    assert mail.selected.recipient == "amy@example.net"
    assert len(mail.events) == 1
    assert mail.message is None


def test_a_mail_that_only_the_laptop_has_is_shown_without_a_timeline(laptop: FakeDeployment) -> None:
    mail = found(laptop, "only-here")
    assert (mail.mails, mail.selected) == ((), None)
    assert mail.message is not None


@pytest.mark.parametrize("mail_id", ["none", "", "../account", "a b", "x" * 500, "%2e%2e"])
def test_what_does_not_exist_is_none(laptop: FakeDeployment, mail_id: str) -> None:
    assert found(laptop, mail_id) is None
    assert found(ACCOUNT, mail_id) is None


def test_other_mail_to_the_address_is_listed_without_this_one() -> None:
    mail = found(ACCOUNT, "m-amy")
    again = timeline_mail(timeline_event("delivered", 9, recipient="amy@example.net", message_id="m-2"))
    table = FakeTimeline([*mail.mails, again])
    assert others(table, mail) == (again,)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        (client_error("NotFoundException"), "jane@example.net is not on the account's suppression list"),
        (client_error("AccessDeniedException"), "ses:GetSuppressedDestination"),
        (client_error("TooManyRequestsException"), "TooManyRequestsException"),
        (
            {
                "SuppressedDestination": {
                    "Reason": "BOUNCE",
                    "LastUpdateTime": datetime(2026, 11, 3, tzinfo=UTC),
                }
            },
            "since 03 November 2026, after a bounce",
        ),
    ],
)
def test_suppression_is_said_in_words(listed: object, words: str) -> None:
    deployment = FakeDeployment(get_suppressed_destination=listed)
    assert words in suppression(deployment, "jane@example.net")  # type: ignore[arg-type]


def test_opens_and_clicks_are_counted_where_the_configuration_set_reports_them(
    laptop: FakeDeployment,
) -> None:
    mail = found(laptop, MESSAGE_ID)
    assert {name: each.is_on for name, each in tracking(laptop, mail.message).items()} == {  # type: ignore[arg-type]
        "open": True,
        "click": True,
    }
    assert not tracking(laptop, None)["open"].is_on  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("message_ids", "shown"), [((), None), (("only-here",), "only-here"), (("only-here", "m-bob"), None)]
)
def test_of_a_job_without_a_timeline_the_ledger_knows_its_message(
    laptop: FakeDeployment, monkeypatch: pytest.MonkeyPatch, message_ids: tuple[str, ...], shown: str | None
) -> None:
    state = JobState(job_id="order-9", status="queued", counts={"queued": 1}, message_ids=message_ids)
    monkeypatch.setattr(sent_mail, "read_job", lambda *_: state)
    mail = find(laptop, None, "order-9", None)  # type: ignore[arg-type]
    assert mail is not None
    assert (mail.message and mail.message.message_id) == shown
    rows = {fact.label: fact.value for fact in facts(mail, None)}
    assert (rows["Job"], rows.get("Message")) == ("order-9", shown)

    page = answer_of(Room(laptop, may_write=True), "/sent/order-9").text  # type: ignore[arg-type]
    assert "This stage keeps no timeline." in page
    assert "No event yet." not in page
    assert ("SES has not accepted it yet." in page) == (not message_ids)


def test_the_list_of_a_stage_without_a_timeline_says_so() -> None:
    page = answer_of(Room(ACCOUNT, may_write=False), "/sent").text  # type: ignore[arg-type]
    assert "<h2>This stage keeps no timeline</h2><p>Set <code>timeline.days</code> and deploy.</p>" in page


def test_the_recipient_answers_a_sent_mail(laptop: FakeDeployment) -> None:
    prefill = answer(laptop, MESSAGE_ID, "someone@example.org")  # type: ignore[arg-type]
    assert prefill is not None
    assert (prefill.mail_from, prefill.rcpt_to) == ("jane@example.net", "billing@example.com")
    assert prefill.in_reply_to == "<0100-1@email.amazonses.com>"
    assert answer(laptop, "none") is None  # type: ignore[arg-type]


def test_the_events_say_who_sent_it_and_how() -> None:
    mail = found(ACCOUNT, MESSAGE_ID)
    assert known_of(mail) == {
        "source": "billing@example.com",
        "identity": "identity/example.com",
        "configuration_set": "mailbus-prod",
        "metadata": {"order": 1001},
    }
    rows = {fact.label: fact.value for fact in facts(mail, None, suppression="not suppressed")}
    assert rows == {
        "From": "billing@example.com",
        "To": "jane@example.net",
        "Job": "invoice-1",
        "Message": MESSAGE_ID,
        "Set": "mailbus-prod",
        "Identity": "identity/example.com",
        "Suppression": "not suppressed",
    }


def test_on_the_laptop_the_headers_say_who_sent_it(laptop: FakeDeployment) -> None:
    mail = found(laptop, MESSAGE_ID)
    rows = {fact.label: fact for fact in facts(mail, read(mail.message.raw))}
    assert rows["From"].value == "Fern & Field <billing@example.com>"
    assert (rows["Job"].more, rows["Job"].can_copy) == ("order: 1001", True)
    assert "Set" not in rows

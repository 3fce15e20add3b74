from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.events import InboundEvent, InboundMessage, RejectReason, error_codes
from mailbus.events.email import EmailEvent
from mailbus.events.vocabulary import EmailEventType
from mailbus.timeline.mails import mail_of, merged
from mailbus_cli import words
from mailbus_cli.delivery_words import REJECT_REASON_WORDS
from mailbus_cli.words import Explanation, explain
from tests.unit.mailbus.whole_events import golden_details
from tests.unit.mailbus_cli.events import AT, bounced, complained, deferred, event
from tracking.event_details import BOUNCE_REJECT_REASONS

if TYPE_CHECKING:
    from mailbus.timeline.mails import TimelineMail


def read(explained: Explanation) -> tuple[str, str | None]:
    return explained.sentence, explained.advice


@pytest.mark.parametrize("event_type", get_args(EmailEventType))
def test_every_event_type_has_words_of_its_own(event_type: str) -> None:
    explained = explain(event(event_type))
    assert explained.title
    assert explained.sentence.endswith(".")
    assert "{" not in explained.sentence
    assert event_type == "unknown" or "does not know" not in explained.sentence


def test_a_bounce_names_the_server_the_reason_and_what_to_do() -> None:
    explained = explain(bounced("Permanent", "General", "smtp; 550 5.1.1 user unknown", "5.1.1"))
    assert explained == Explanation(
        title="Permanent bounce",
        sentence="example.net has no such mailbox.",
        advice="Correct the address; do not send to this one again.",
        server="550 5.1.1 user unknown",
        tone="red",
    )


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (bounced("Transient", "MailboxFull", "552 5.2.2 over quota"), "The mailbox is full."),
        (bounced("Permanent", "NoEmail", None, "5.1.1"), "example.net has no such mailbox."),
        (bounced("Permanent", "General"), "example.net refused the mail for good."),
        (bounced("Permanent", "SomethingNew", "550 5.9.9 no"), "The mail came back."),
        (
            bounced("New", "New", None, "5.7.26"),
            "example.net refuses the mail, since its sender is not authenticated.",
        ),
        (
            bounced("Permanent", "OnAccountSuppressionList", "550 5.1.1 user unknown"),
            "SES did not try: the address is on the account's suppression list after a bounce.",
        ),
        (bounced("Transient", "ContentRejected", "554 5.7.1 [spam]"), "example.net takes the mail for spam."),
        (event("bounced"), "The mail came back."),
        (deferred("MailboxFull", "452 4.7.1 x"), "The mailbox is full."),
        (deferred("General", "421 4.4.1 cannot connect"), "example.net could not be reached."),
        (deferred("SomethingNew"), "example.net has not taken the mail yet."),
        (event("deferred"), "example.net has not taken the mail yet."),
        (complained("abuse"), "The recipient marked the mail as spam."),
        (complained(), "The recipient complained about the mail."),
        (complained("new"), "The recipient complained about the mail."),
        (event("complained"), "The recipient complained about the mail."),
        (
            complained(sub_type="OnAccountSuppressionList"),
            "SES did not try: the address is on the account's suppression list after a complaint.",
        ),
        (event("opened", bot="likely"), "A machine opened the mail. It does not count."),
        (
            event("clicked", recipient_ambiguous=True),
            (
                "A link in the mail was followed. "
                "It may have been another recipient of the mail: SES does not say who."
            ),
        ),
        (event("failed", error_code="NewException", message_id=None), "The mail was not sent."),
        (
            event("bounced", recipient=None, mta_response="550 5.1.1 x"),
            "The recipient's server has no such mailbox.",
        ),
        (
            event("bounced", recipient="no address", mta_response="550 5.1.1 x"),
            "The recipient's server has no such mailbox.",
        ),
    ],
)
def test_the_sentence_is_that_of_the_most_specific_reason_and_general_for_an_unknown_one(
    one: EmailEvent, sentence: str
) -> None:
    assert explain(one).sentence == sentence


def test_a_failure_has_the_words_of_its_code_and_its_reason() -> None:
    explained = explain(
        event(
            "failed",
            error_code=error_codes.INVALID_JOB,
            description="$.attachments[0].content: not base64",
            message_id=None,
        )
    )
    assert explained.server == "$.attachments[0].content: not base64"
    assert explained.sentence == "The job is invalid."
    assert explained.tone == "red"


def test_a_cancelled_job_is_no_problem() -> None:
    explained = explain(event("failed", error_code=error_codes.CANCELLED, message_id=None))
    assert (explained.title, explained.tone) == ("Cancelled", "grey")


def test_a_deferral_says_how_long_ses_tries() -> None:
    assert explain(deferred("General")).until == AT


def test_a_click_shows_the_link() -> None:
    assert explain(event("clicked", click_url="https://example.com/a")).server == "https://example.com/a"


def test_a_received_mail_has_words_too() -> None:
    received = InboundEvent(
        event_type="inbound",
        event_id="1",
        timestamp=AT,
        message=InboundMessage(envelope_sender="ada@example.org"),
    )
    assert explain(received).sentence == "A mail from ada@example.org was received."
    failed = InboundEvent(event_type="inbound_failed", event_id="1", timestamp=AT, description="no object")
    assert (explain(failed).server, explain(failed).tone) == ("no object", "red")


def test_a_hostile_answer_is_one_line_without_control_characters() -> None:
    explained = explain(bounced("Permanent", "General", "550 \x1b[2J5.1.1\r\n\u202euser"))
    assert explained.server == "550 <U+001B>[2J5.1.1 <U+202E>user"


def test_every_reject_reason_has_words() -> None:
    assert set(REJECT_REASON_WORDS) == set(get_args(RejectReason))


def test_every_bounce_that_is_not_tried_has_words() -> None:
    assert set(BOUNCE_REJECT_REASONS) == {
        sub_type
        for sub_type in BOUNCE_REJECT_REASONS
        if "did not try" in explain(bounced("Permanent", sub_type)).sentence
    }


def test_all_golden_events_of_sending_are_explained() -> None:
    kinds = {
        explain(msgspec.convert(detail, EmailEvent)).sentence
        for _, detail in golden_details()
        if not detail["event_type"].startswith("inbound")
    }
    assert len(kinds) > 10
    assert not [sentence for sentence in kinds if "{" in sentence]


@given(
    event_type=st.sampled_from(get_args(EmailEventType)),
    text=st.none() | st.text(),
    status=st.none() | st.text() | st.from_regex(r"[245]\.\d{1,3}\.\d{1,3}", fullmatch=True),
    recipient=st.none() | st.text(),
)
def test_anything_is_explained(
    event_type: str, text: str | None, status: str | None, recipient: str | None
) -> None:
    for one in (
        event(event_type, recipient=recipient, mta_response=text, description=text, error_code=text),
        event(
            "bounced", recipient=recipient, mta_response=text, bounce=bounced("A", "B", status=status).bounce
        ),
    ):
        explained = explain(one)
        assert explained.sentence
        assert explained.server is None or "\n" not in explained.server


def _bounced_late() -> tuple[TimelineMail, EmailEvent]:
    late = bounced("Transient", "MailboxFull", "552 5.2.2 mailbox full")
    both = [mail_of(event("delivered")), mail_of(late)]
    return merged([mail for mail in both if mail]), late


def test_a_mail_that_bounced_late_was_taken_first() -> None:
    outcome = words.outcome_of(*_bounced_late())
    assert outcome.title == "Bounced late"
    assert outcome.sentence == "example.net took the mail, and returned it later. The mailbox is full."
    assert outcome.tone == "red"


def test_the_outcome_of_a_mail_without_its_event_is_that_of_its_status() -> None:
    mail, _ = _bounced_late()
    outcome = words.outcome_of(mail, None)
    assert (outcome.title, outcome.server) == ("Bounced late", "552 5.2.2 mailbox full")


def test_the_outcome_of_one_event_is_that_of_the_event() -> None:
    delivered = event("delivered", timestamp=AT + timedelta(seconds=2))
    mail = mail_of(delivered)
    assert mail is not None
    assert words.outcome_of(mail, delivered) == explain(delivered)

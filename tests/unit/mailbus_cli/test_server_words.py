from __future__ import annotations

import pytest

from mailbus_cli.server_words import BY_CODE, BY_SUBJECT, BY_WHOLE_CODE, PATTERNS, code_of, reason_of


@pytest.mark.parametrize(
    ("text", "status", "sentence"),
    [
        ("smtp; 550 5.1.1 user unknown", None, "{server} has no such mailbox."),
        (
            "550-5.1.1 The email account that you tried to reach does not exist.",
            None,
            "{server} has no such mailbox.",
        ),
        ("550 #5.1.0 Address rejected.", None, "{server} does not accept this address."),
        ("450 4.1.1 try later", None, "{server} does not accept this address at the moment."),
        ("smtp; 552 5.2.2 mailbox full", "5.2.2", "The mailbox is full."),
        ("452 4.2.2 The recipient's inbox is out of storage space.", None, "The mailbox is full."),
        ("450 4.2.1 receiving mail at a rate that prevents", None, "{server} takes no mail at the moment."),
        ("550 5.2.1 The account is disabled", None, "The mailbox takes no mail."),
        (
            "smtp; 550 4.4.7 Message expired: unable to deliver in 840 minutes.<421 4.4.0 No DNS>",
            "4.4.7",
            "{server} did not take the mail for as long as SES tried.",
        ),
        (
            "550-5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy",
            None,
            "{server} refuses the mail, since DMARC failed.",
        ),
        (
            "550 5.7.26 This mail has been blocked because the sender is unauthenticated.",
            None,
            "{server} refuses the mail, since its sender is not authenticated.",
        ),
        (
            "550 5.7.23 The message was rejected because of Sender Policy Framework violation",
            None,
            "{server} refuses the mail, since SPF failed.",
        ),
        ("550-5.7.27 fails to pass SPF checks", None, "{server} refuses the mail, since SPF failed."),
        ("550 5.7.27 whatever this server means by it", None, "{server} refuses the mail by its own rules."),
        ("550 5.7.30 DKIM = did not pass", None, "{server} refuses the mail, since DKIM failed."),
        (
            "550 5.7.1 Service unavailable, Client host blocked using Spamhaus.",
            None,
            "{server} takes the mail for spam.",
        ),
        ("550 5.7.1 message refused", None, "{server} refuses the mail by its own rules."),
        ("554 5.7.606 Access denied, banned sending IP", None, "{server} refuses the mail by its own rules."),
        (
            "550 5.4.1 Recipient address rejected: Access denied.",
            None,
            "{server} does not accept this address.",
        ),
        ("550 5.4.4 Unable to route", None, "{server} could not be reached."),
        ("550 user unknown", None, "{server} has no such mailbox."),
        ("550 5.0.0 Mailbox is full", None, "The mailbox is full."),
        ("553 5.3.0 <a@b>... No such user", None, "{server} has no such mailbox."),
        ("553 5.3.0 something", None, "{server} does not take the mail."),
        (None, "5.1.1", "{server} has no such mailbox."),
        ("550 no code in it", "5.2.2", "The mailbox is full."),
    ],
)
def test_an_answer_is_explained_by_its_words_and_its_code(
    text: str | None, status: str | None, sentence: str
) -> None:
    reason = reason_of(text, status)
    assert reason is not None
    assert reason.sentence == sentence


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (None, None),
        ("", ""),
        ("550 mailbox unavailable", None),
        ("550 5.0.0 no", "5.0.0"),
        ("250 2.0.0 OK", None),
        ("550 5.9.1 of a subject that does not exist", None),
        ("the sentence mentions 5.1.1 and 192.5.1.1 somewhere", None),
        ("550 5.1.1.1", "5.1"),
        (None, "five"),
        ("550 5.1000.1 x", None),
    ],
)
def test_what_says_nothing_certain_is_not_explained(text: str | None, status: str | None) -> None:
    assert reason_of(text, status) is None


def test_the_code_is_the_answer_own_one_not_one_that_it_quotes() -> None:
    assert code_of("smtp; 550 4.4.7 Message expired <421 4.4.0 Unable to lookup DNS>", "5.0.0") == "4.4.7"


def test_words_are_whole_sentences() -> None:
    for reason in (
        *BY_CODE.values(),
        *BY_SUBJECT.values(),
        *BY_WHOLE_CODE.values(),
        *(p.reason for p in PATTERNS),
    ):
        assert reason.sentence.endswith(".")
        assert reason.advice.endswith(".")


def test_no_advice_says_to_correct_the_address_after_a_temporary_error_or_a_refusal_by_policy() -> None:
    for code in [f"4.1.{n}" for n in (0, 1, 2, 10)] + [f"5.7.{n}" for n in (0, 1, 20, 23, 26, 27, 28, 509)]:
        reason = reason_of(None, code)
        assert reason is not None
        assert "Correct the address" not in reason.advice

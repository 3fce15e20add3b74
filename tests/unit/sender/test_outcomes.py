from __future__ import annotations

import pytest

from sender.outcomes import DELAYS, MEANINGS, QUOTA, classify, delay_seconds, gives_up

RATE = "Maximum sending rate exceeded."
DAILY = "Daily message quota exceeded."

ANSWERS = [
    ("TooManyRequestsException", RATE, 429, "throttled"),
    ("TooManyRequestsException", DAILY, 429, "quota"),
    ("TooManyRequestsException", "", 429, "throttled"),
    ("ThrottlingException", RATE, 400, "throttled"),
    ("ThrottlingException", DAILY, 400, "quota"),
    ("Throttling", RATE, 400, "throttled"),
    ("LimitExceededException", DAILY, 400, "quota"),
    ("LimitExceededException", "Too many resources.", 400, "failed"),
    ("SendingPausedException", "Sending is paused for this account.", 400, "paused"),
    ("AccountSuspendedException", "Account is suspended.", 400, "failed"),
    ("MessageRejected", "Email address is not verified.", 400, "rejected"),
    ("MessageRejected", "The daily menu is refused.", 400, "rejected"),
    ("MailFromDomainNotVerifiedException", "MAIL FROM domain not verified.", 400, "failed"),
    ("NotFoundException", "Configuration set <mailbus> does not exist.", 404, "failed"),
    ("BadRequestException", "Missing final '@domain'", 400, "failed"),
    ("AccessDeniedException", "User is not authorized to perform: ses:SendEmail", 403, "failed"),
    ("ParamValidationError", "Parameter validation failed", None, "failed"),
    ("ExpiredTokenException", "The security token is expired.", 403, "retry"),
    ("UnrecognizedClientException", "The security token is invalid.", 403, "retry"),
    ("InvalidClientTokenId", "The security token is invalid.", 403, "retry"),
    ("NoCredentialsError", "Unable to locate credentials", None, "retry"),
    ("RequestExpired", "Request has expired.", 400, "retry"),
    ("RequestTimeout", "Timed out.", 400, "retry"),
    ("ConcurrentModificationException", "Try again.", 500, "retry"),
    ("InternalServiceErrorException", "Internal failure.", 500, "retry"),
    ("InternalFailure", "Internal failure.", 500, "retry"),
    ("ServiceUnavailable", "Unavailable.", 503, "retry"),
    ("EndpointConnectionError", "Could not connect to the endpoint URL", None, "retry"),
    ("ReadTimeoutError", "Read timeout on endpoint URL", None, "retry"),
    ("ConnectionClosedError", "Connection was closed", None, "retry"),
    ("SomethingNew", "What is this?", 400, "failed"),
    ("SomethingNew", "What is this?", 429, "throttled"),
    ("SomethingNew", "What is this?", 502, "retry"),
    ("504", "Gateway Timeout", 504, "retry"),
]


@pytest.mark.parametrize(("code", "message", "status", "kind"), ANSWERS)
def test_each_answer_of_ses_has_its_meaning(code: str, message: str, status: int | None, kind: str) -> None:
    fault = classify(code, message, status)
    assert fault.kind == kind
    assert fault.error.code == code
    assert fault.error.retryable == (kind in DELAYS)
    assert message.rstrip(". ") in str(fault.error)


def test_every_row_of_the_table_is_among_the_answers_tested() -> None:
    assert set(MEANINGS) <= {code for code, _, _, _ in ANSWERS}


def test_an_error_says_what_to_do_about_it() -> None:
    fault = classify("NotFoundException", "Configuration set <mailbus> does not exist.", 404)
    assert str(fault.error) == (
        "NotFoundException: Configuration set <mailbus> does not exist: "
        "SES does not know the configuration set; deploy again, in this region"
    )


def test_a_mail_refused_for_its_attachment_is_not_blamed_on_an_address() -> None:
    # SES has one code for both: https://docs.aws.amazon.com/ses/latest/dg/attachments.html#unsupported-types
    fault = classify("MessageRejected", "Illegal filename: attachments of type '.exe'.", 400)
    assert str(fault.error) == (
        "MessageRejected: Illegal filename: attachments of type '.exe': "
        "SES does not take this message; if it names an address, verify that in SES"
    )


def test_a_silent_error_still_gives_a_reason() -> None:
    assert str(classify("SomethingNew", "", 400).error) == "SomethingNew: no reason given"


@pytest.mark.parametrize("kind", ["throttled", "quota", "paused"])
def test_waiting_for_the_account_never_ends_a_job(kind: str) -> None:
    assert not gives_up(kind, 10_000, 5)


@pytest.mark.parametrize("kind", ["failed", "rejected"])
def test_a_permanent_error_ends_a_job_at_once(kind: str) -> None:
    assert gives_up(kind, 1, 5)


def test_a_retryable_error_ends_a_job_at_its_last_delivery() -> None:
    assert [gives_up("retry", count, 5) for count in (1, 4, 5, 6)] == [False, False, True, True]


@pytest.mark.parametrize("kind", ["retry", "throttled"])
def test_the_wait_doubles_with_each_delivery_up_to_a_quarter_of_an_hour(kind: str) -> None:
    longest = [delay_seconds(kind, count, lambda _low, high: high) for count in (1, 2, 3, 9, 10, 1000)]
    assert longest == [2, 4, 8, 512, 900, 900]
    assert delay_seconds(kind, 1000, lambda low, _high: low) == 1


def test_a_pause_is_looked_at_soon_then_ever_more_seldom() -> None:
    longest = [delay_seconds("paused", count, lambda _low, high: high) for count in (1, 2, 3, 50)]
    assert longest == [15, 30, 60, 1800]


@pytest.mark.parametrize(("kind", "shortest", "longest"), [("quota", 3600, 7200)])
def test_a_hold_does_not_depend_on_how_often_the_job_came(kind: str, shortest: int, longest: int) -> None:
    for count in (1, 50):
        assert delay_seconds(kind, count, lambda low, _high: low) == shortest
        assert delay_seconds(kind, count, lambda _low, high: high) == longest


def test_the_quota_is_told_by_its_text_in_any_case() -> None:
    assert classify("TooManyRequestsException", "DAILY MESSAGE QUOTA EXCEEDED", 429).kind == QUOTA.kind

from __future__ import annotations

import re

import pytest
from botocore.exceptions import HTTPClientError
from botocore.loaders import create_loader
from botocore.model import ServiceModel, StringShape, StructureShape

from sender.ses.errors import (
    ACCEPTED,
    MEANINGS,
    OTHER,
    PERMANENT,
    QUOTA,
    ROLE_ATTEMPTS,
    STATUSES,
    TEXTS,
    classify,
    classify_entry,
)

RATE = "Maximum sending rate exceeded."
DAILY = "Daily message quota exceeded."
INBOX = "For more information, please check the inbox of the email address associated with your AWS account."
PAUSED = f"Sending paused for this account. {INBOX}"
SUSPENDED = f"Sending suspended for this account. {INBOX}"

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
    ("MessageRejected", PAUSED, 400, "paused"),
    ("MessageRejected", SUSPENDED, 400, "paused"),
    ("MessageRejected", f"Message rejected: {SUSPENDED}", 400, "paused"),
    ("MessageRejected", "Illegal filename: 'sending paused for today.exe'.", 400, "rejected"),
    ("MessageRejected", DAILY, 400, "quota"),
    ("MessageRejected", RATE, 400, "throttled"),
    ("MessageRejected", "Address blacklisted.", 400, "rejected"),
    ("AccountSendingPausedException", "Email sending has been disabled.", 400, "paused"),
    ("ConfigurationSetSendingPausedException", "Sending is disabled for it.", 400, "paused"),
    ("BadRequestException", PAUSED, 400, "paused"),
    ("BadRequestException", "Template data of the daily report is not JSON.", 400, "failed"),
    ("LimitExceededException", RATE, 400, "throttled"),
    ("LimitExceededException", "Daily sending quota exceeded.", 400, "quota"),
    ("ThrottlingException", PAUSED, 400, "paused"),
    ("SomethingNew", PAUSED, 403, "paused"),
    ("SomethingNew", DAILY, 400, "quota"),
    ("SomethingNew", RATE, 400, "throttled"),
    ("SomethingNew", "The daily report is refused.", 400, "failed"),
    ("SomethingNew", DAILY, None, "unanswered"),
    ("MessageRejected", "Illegal filename: 'Daily sending quota.exe'.", 400, "rejected"),
    ("MessageRejected", "Illegal filename: 'Maximum send rate exceeded.exe'.", 400, "rejected"),
    ("MailFromDomainNotVerifiedException", "MAIL FROM domain not verified.", 400, "failed"),
    ("NotFoundException", "Configuration set <mailbus> does not exist.", 404, "failed"),
    ("BadRequestException", "Missing final '@domain'", 400, "failed"),
    ("AlreadyExistsException", "It exists.", 400, "failed"),
    ("ConflictException", "It is in use.", 409, "failed"),
    ("InvalidNextTokenException", "The token is invalid.", 400, "failed"),
    ("ConcurrentModificationException", "Try again.", 500, "unanswered"),
    ("InternalServiceErrorException", "Internal failure.", 500, "unanswered"),
    ("AccessDenied", "Not authorized to perform ses:SendEmail", 403, "retry"),
    ("AccessDeniedException", "User is not authorized to perform: ses:SendEmail", 403, "retry"),
    ("NotAuthorized", "No permission.", 400, "retry"),
    ("ValidationError", "The input fails to satisfy the constraints.", 400, "failed"),
    ("ValidationException", "The input fails to satisfy the constraints.", 400, "failed"),
    ("ExpiredToken", "The security token is expired.", 403, "retry"),
    ("ExpiredTokenException", "The security token is expired.", 403, "retry"),
    ("IncompleteSignature", "The signature does not conform to AWS standards.", 400, "retry"),
    ("InvalidClientTokenId", "The security token is invalid.", 403, "retry"),
    ("InvalidSignatureException", "Signature expired.", 403, "retry"),
    ("OptInRequired", "The access key needs a subscription.", 403, "retry"),
    ("SignatureDoesNotMatch", "The signature does not match.", 403, "retry"),
    ("UnrecognizedClientException", "The security token is invalid.", 403, "retry"),
    ("RequestExpired", "Request has expired.", 400, "retry"),
    ("RequestTimeout", "Timed out.", 400, "retry"),
    ("RequestTimeoutException", "Reading the request timed out.", 408, "retry"),
    ("RequestAbortedException", "The request was aborted before a reply was sent.", 400, "unanswered"),
    ("RequestEntityTooLargeException", "The request entity is too large.", 413, "failed"),
    ("MalformedHttpRequestException", "The request is malformed.", 400, "retry"),
    ("UnknownOperationException", "There is no such operation.", 404, "failed"),
    ("BandwidthLimitExceeded", "Bandwidth limit exceeded.", 400, "throttled"),
    ("PriorRequestNotComplete", "Prior request not complete.", 400, "throttled"),
    ("RequestLimitExceeded", "Request limit exceeded.", 400, "throttled"),
    ("RequestThrottled", "Request throttled.", 400, "throttled"),
    ("RequestThrottledException", "Request throttled.", 400, "throttled"),
    ("SlowDown", "Slow down.", 400, "throttled"),
    ("ThrottledException", "Throttled.", 400, "throttled"),
    ("InvalidAccessKeyId", "The access key does not exist.", 403, "retry"),
    ("MissingAuthenticationToken", "Missing authentication token.", 403, "retry"),
    ("MissingAuthenticationTokenException", "Missing authentication token.", 403, "retry"),
    ("RequestTimeTooSkewed", "The clocks differ too much.", 403, "retry"),
    ("InternalFailure", "Internal failure.", 500, "unanswered"),
    ("ServiceUnavailable", "Unavailable.", 503, "unanswered"),
    ("ConnectTimeoutError", "Connect timeout on endpoint URL", None, "retry"),
    ("CredentialRetrievalError", "Error when retrieving credentials", None, "retry"),
    ("EndpointConnectionError", "Could not connect to the endpoint URL", None, "retry"),
    ("MetadataRetrievalError", "Error retrieving metadata", None, "retry"),
    ("NoAuthTokenError", "No auth token", None, "retry"),
    ("NoCredentialsError", "Unable to locate credentials", None, "retry"),
    ("PartialCredentialsError", "Partial credentials found", None, "retry"),
    ("ProxyConnectionError", "Failed to connect to proxy URL", None, "retry"),
    ("EndpointProviderError", "No endpoint", None, "failed"),
    ("EndpointResolutionError", "No endpoint", None, "failed"),
    ("MissingDependencyException", "Missing dependency: awscrt", None, "failed"),
    ("NoRegionError", "You must specify a region", None, "failed"),
    ("ParamValidationError", "Parameter validation failed", None, "failed"),
    ("UnknownEndpointError", "Could not construct an endpoint", None, "failed"),
    ("ReadTimeoutError", "Read timeout on endpoint URL", None, "unanswered"),
    ("ConnectionClosedError", "Connection was closed", None, "unanswered"),
    ("ResponseStreamingError", "An error occurred while reading from response stream", None, "unanswered"),
    ("HTTPClientError", "An HTTP Client raised an unhandled exception", None, "unanswered"),
    ("IncompleteReadError", "0 read, but total bytes expected is 9.", None, "unanswered"),
    ("SSLError", "SSL validation failed", None, "unanswered"),
    ("SomethingNew", "What is this?", 400, "failed"),
    ("SomethingNew", "What is this?", 408, "retry"),
    ("SomethingNew", "What is this?", 429, "throttled"),
    ("SomethingNew", "What is this?", 502, "unanswered"),
    ("SomethingNew", "What is this?", None, "unanswered"),
    ("504", "Gateway Timeout", 504, "unanswered"),
]

ENTRIES = [
    ("ACCOUNT_DAILY_QUOTA_EXCEEDED", "quota"),
    ("ACCOUNT_SENDING_PAUSED", "paused"),
    ("ACCOUNT_SUSPENDED", "failed"),
    ("ACCOUNT_THROTTLED", "throttled"),
    ("CONFIGURATION_SET_NOT_FOUND", "failed"),
    ("CONFIGURATION_SET_SENDING_PAUSED", "paused"),
    ("FAILED", "retry"),
    ("CONFIGURATION_SET_DOES_NOT_EXIST", "failed"),
    ("TEMPLATE_DOES_NOT_EXIST", "failed"),
    ("INVALID_PARAMETER", "failed"),
    ("INVALID_PARAMETER_VALUE", "failed"),
    ("INVALID_SENDING_POOL_NAME", "failed"),
    ("MAIL_FROM_DOMAIN_NOT_VERIFIED", "failed"),
    ("MESSAGE_REJECTED", "rejected"),
    ("TEMPLATE_NOT_FOUND", "failed"),
    ("TRANSIENT_FAILURE", "retry"),
    ("SOMETHING_NEW", "unanswered"),
    ("", "unanswered"),
]


@pytest.fixture(scope="module")
def model() -> ServiceModel:
    return ServiceModel(create_loader().load_service_model("sesv2", "service-2"), "sesv2")


@pytest.mark.parametrize(("code", "message", "status", "kind"), ANSWERS)
def test_each_error_of_ses_has_its_kind(code: str, message: str, status: int | None, kind: str) -> None:
    fault = classify(code, message, status)
    assert fault.kind == kind
    assert fault.error.code == code
    assert fault.error.retryable == (kind not in PERMANENT)
    assert message.rstrip(". ") in str(fault.error)


def test_every_error_of_the_table_is_tested() -> None:
    assert set(MEANINGS) <= {code for code, _, _, _ in ANSWERS}


def test_the_table_has_every_error_in_sess_model(model: ServiceModel) -> None:
    named = {name for name in model.shape_names if model.shape_for(name).metadata.get("exception")}
    assert {"MessageRejected", "TooManyRequestsException"} <= named <= set(MEANINGS)


def test_errors_that_the_sdk_raises_after_a_request_are_unanswered() -> None:
    errors: list[type[Exception]] = [HTTPClientError, *HTTPClientError.__subclasses__()]
    raised = {error.__name__ for error in errors}
    assert {"ReadTimeoutError", "ConnectionClosedError"} <= raised
    # these two are raised while the connection is made: https://github.com/boto/botocore, httpsession.py
    before = {"ProxyConnectionError", "ConnectTimeoutError"}
    assert {classify(name, "", None).kind for name in raised - before} == {"unanswered"}


@pytest.mark.parametrize(("status", "kind"), ENTRIES)
def test_each_status_of_an_entry_has_its_kind(status: str, kind: str) -> None:
    fault = classify_entry(status, "Entry 3 of 50.")
    assert fault.kind == kind
    assert fault.error.code == status
    assert "Entry 3 of 50: " in str(fault.error)


def test_the_table_has_every_status_in_sess_model(model: ServiceModel) -> None:
    shape = model.shape_for("BulkEmailStatus")
    assert isinstance(shape, StringShape)
    assert set(shape.enum) <= {ACCEPTED, *STATUSES}
    result = model.shape_for("BulkEmailEntryResult")
    assert isinstance(result, StructureShape)
    # its documentation has other names for some of them
    documented = set(re.findall(r"<p>([A-Z_]+):", result.members["Status"].documentation))
    assert {"TEMPLATE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"} <= documented <= {ACCEPTED, *STATUSES}
    assert set(STATUSES) <= {status for status, _ in ENTRIES}


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        ("FAILED", DAILY, "quota"),
        ("FAILED", "Daily sending quota exceeded", "quota"),
        ("FAILED", RATE, "throttled"),
        ("FAILED", PAUSED, "paused"),
        ("FAILED", "The template of the daily report cannot be rendered.", "retry"),
        ("TRANSIENT_FAILURE", PAUSED, "paused"),
        ("ACCOUNT_THROTTLED", DAILY, "quota"),
        ("ACCOUNT_THROTTLED", RATE, "throttled"),
        ("ACCOUNT_THROTTLED", PAUSED, "paused"),
        ("MESSAGE_REJECTED", SUSPENDED, "paused"),
        ("MESSAGE_REJECTED", DAILY, "quota"),
        ("SOMETHING_NEW", PAUSED, "paused"),
        ("ACCOUNT_SUSPENDED", SUSPENDED, "failed"),
        ("INVALID_PARAMETER", PAUSED, "failed"),
    ],
)
def test_the_text_of_an_entry_counts_where_its_status_leaves_the_reason_open(
    status: str, message: str, kind: str
) -> None:
    assert classify_entry(status, message).kind == kind


def test_every_text_is_for_codes_of_the_tables() -> None:
    codes = {code for text in TEXTS for code in text.codes}
    assert codes - {*MEANINGS, *STATUSES} == {OTHER}


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "NotAuthorized"])
def test_what_a_policy_does_not_allow_is_tried_for_as_long_as_a_changed_policy_may_need(code: str) -> None:
    assert classify(code, "Not authorized.", 403).attempts == ROLE_ATTEMPTS
    # the delays double from 2 s; each is drawn from 1 s on
    longest = sum(2**attempt for attempt in range(1, ROLE_ATTEMPTS))
    assert 15 * 60 < longest <= 17.1 * 60


def test_every_error_has_advice() -> None:
    assert all(meaning.advice for meaning in (*MEANINGS.values(), *STATUSES.values()))


def test_the_text_of_an_error_ends_with_the_advice() -> None:
    fault = classify("NotFoundException", "Configuration set <mailbus> does not exist.", 404)
    assert str(fault.error) == (
        "NotFoundException: Configuration set <mailbus> does not exist: "
        "the configuration set does not exist in this region; deploy again"
    )


@pytest.mark.parametrize("code", ["NotFoundException", "BadRequestException"])
def test_a_missing_template_is_to_be_created_and_not_deployed(code: str) -> None:
    fault = classify(code, "Template order-sent does not exist", 400)
    assert fault.kind == "failed"
    assert str(fault.error) == (
        f"{code}: Template order-sent does not exist: create the template in this region (aws sesv2 "
        "create-email-template), or correct template_id"
    )


def test_what_a_bad_request_quotes_of_the_mail_is_no_missing_template() -> None:
    fault = classify("BadRequestException", "Invalid header 'Template x does not exist'", 400)
    assert "create the template" not in str(fault.error)


def test_the_advice_for_a_refused_attachment_blames_no_address() -> None:
    # SES has one code for both: https://docs.aws.amazon.com/ses/latest/dg/attachments.html#unsupported-types
    fault = classify("MessageRejected", "Illegal filename: attachments of type '.exe'.", 400)
    assert str(fault.error) == (
        "MessageRejected: Illegal filename: attachments of type '.exe': "
        "SES refuses this message; if the reason names an address, verify it in SES"
    )


def test_an_error_without_text_still_has_a_reason() -> None:
    assert str(classify("SomethingNew", "", 400).error) == (
        "SomethingNew: no reason given: fix the job and send it again"
    )


def test_the_quota_is_recognized_by_its_text_in_upper_and_lower_case() -> None:
    assert classify("TooManyRequestsException", "DAILY MESSAGE QUOTA EXCEEDED", 429).kind == QUOTA.kind

from __future__ import annotations

import msgspec
import pytest

from mailbus_cli.room.faults import CHOICES, OPERATION_LABELS, PRESETS, Fault, armed, effect, kind_of, refused
from mailbus_cli.room.forms import InvalidFormError
from mailbus_local.ses.errors import STATUSES, InvalidControlRequest
from mailbus_local.ses.state.faults import CONNECTION_RESET, ENTRY_STATUSES, OPERATIONS, parse_faults
from mailbus_local.ses.state.faults import Fault as SimulatedFault
from sender.ses.errors import classify, classify_entry

MESSAGES = (
    None,
    "Sending paused for this account.",
    "Daily message quota exceeded.",
    "Maximum sending rate exceeded.",
    "Rate exceeded",
    "Email address is not verified: daily@example.com",
)
FORM = {"operation": "SendEmail", "error": "InternalFailure", "how": "count", "count": "2", "share": "10"}


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("error", STATUSES)
def test_the_sender_does_after_an_error_what_the_page_says(error: str, message: str | None) -> None:
    answer = SimulatedFault(operation="*", error=error, message=message, count=1).ses_error()
    assert kind_of(error, message) == classify(answer.code, answer.reason, answer.status).kind


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("status", ENTRY_STATUSES)
def test_the_sender_does_for_a_recipient_what_the_page_says(status: str, message: str | None) -> None:
    answer = SimulatedFault(operation="SendBulkEmail", error=status, message=message, count=1)
    assert kind_of(status, message) == classify_entry(status, answer.message or f"Simulated {status}.").kind


def test_a_connection_that_breaks_leaves_a_doubt() -> None:
    assert kind_of(CONNECTION_RESET, None) == classify("ConnectionClosedError", "closed", None).kind


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.key)
def test_the_simulated_ses_takes_each_preset(preset: object) -> None:
    given = armed({"preset": msgspec.structs.asdict(preset)["key"]})  # type: ignore[arg-type]
    assert len(parse_faults(msgspec.json.encode(given))) == len(given) > 0


def test_the_form_offers_what_the_simulated_ses_knows() -> None:
    assert tuple(OPERATION_LABELS) == OPERATIONS
    for error in (each for group in CHOICES.values() for each in group):
        given = armed({**FORM, "operation": "SendBulkEmail", "error": error})
        assert parse_faults(msgspec.json.encode(given))[0].error == error


@pytest.mark.parametrize(
    ("given", "when", "what"),
    [
        ({"error": "TooManyRequestsException", "count": 2}, "next 2", "waits 1 to 2 s"),
        (
            {"error": CONNECTION_RESET, "count": 1, "after_accept": True},
            "next 1, after SES accepts",
            "settled",
        ),
        ({"error": CONNECTION_RESET, "probability": 1.0}, "every call", "on_unknown decides"),
        ({"error": "AccessDeniedException", "probability": 0.125}, "12.5 % of the calls", "max_attempts"),
        ({"error": "MessageRejected", "count": 1}, "next 1", "event rejected"),
        (
            {"error": "MessageRejected", "count": 1, "after_accept": True},
            "next 1, after",
            "although it is sent",
        ),
        (
            {"error": "MessageRejected", "message": "Sending paused for this account.", "probability": 1.0},
            "every call",
            "all mail waits",
        ),
        ({"error": "LimitExceededException", "count": 1}, "next 1", "waits 5 to 15 s"),
        ({"error": "LimitExceededException", "message": "No", "count": 1}, "next 1", "dead letter"),
        ({"operation": "GetAccount", "error": "InternalFailure", "count": 3}, "next 3", "keeps to the rate"),
        (
            {"operation": "SendBulkEmail", "error": "TRANSIENT_FAILURE", "count": 1},
            "next 1",
            "that recipient",
        ),
        (
            {
                "operation": "SendBulkEmail",
                "error": "ThrottlingException",
                "message": "Rate exceeded",
                "count": 1,
            },
            "next 1",
            "by SendEmail",
        ),
        (
            {"operation": "SendBulkEmail", "error": "TooManyRequestsException", "count": 1},
            "next 1",
            "waits 1 to 2 s",
        ),
    ],
)
def test_a_fault_says_when_it_happens_and_what_mailbus_does(
    given: dict[str, object], when: str, what: str
) -> None:
    fault = msgspec.convert({"id": 1, "operation": "SendEmail", **given}, Fault)
    assert fault.when.startswith(when)
    assert what in effect(fault)


def test_a_form_arms_one_fault() -> None:
    assert armed(FORM) == ({"operation": "SendEmail", "error": "InternalFailure", "count": 2},)
    more = {"how": "share", "share": "12.5", "message": " Boom ", "after_accept": "yes"}
    assert armed({**FORM, **more}) == (
        {
            "operation": "SendEmail",
            "error": "InternalFailure",
            "message": "Boom",
            "after_accept": True,
            "probability": 0.125,
        },
    )


@pytest.mark.parametrize(
    ("given", "field"),
    [
        *(({"count": text}, "count") for text in ("", "x", "0", "1.5", "nan", "inf")),
        *(({"how": "share", "share": text}, "share") for text in ("", "0", "101", "nan")),
    ],
)
def test_a_number_that_is_none_is_named_at_its_field(given: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidFormError) as caught:
        armed({**FORM, **given})
    assert list(caught.value.errors) == [field]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"operation": "SendMail"}, "operation"),
        ({"error": "Nothing"}, "error"),
        ({"error": "TRANSIENT_FAILURE"}, "operation"),
        ({"operation": "GetAccount", "after_accept": "yes"}, "after_accept"),
    ],
)
def test_what_the_simulated_ses_refuses_is_at_its_field(given: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidControlRequest) as caught:
        parse_faults(msgspec.json.encode(armed({**FORM, **given})))
    found = refused(caught.value.reason).errors
    assert list(found) == [field]
    assert "$" not in found[field]

from __future__ import annotations

import msgspec
import pytest

from mailbus_cli.room.account_form import NUMBERS, Account, changes
from mailbus_cli.room.forms import InvalidFormError
from mailbus_local.ses.control import AccountState
from mailbus_local.ses.state.account import Limits

LIMITS = msgspec.structs.asdict(Limits())


def test_the_fields_are_those_of_the_control_api() -> None:
    names = {field.name for field in msgspec.structs.fields(AccountState)}
    assert {field.name for field in msgspec.structs.fields(Account)} <= names


@pytest.mark.parametrize(
    ("form", "found"),
    [
        ({"sending_enabled": "false"}, {"sending_enabled": False}),
        ({"production_access": "true"}, {"production_access": True}),
        (
            {"max_send_rate": "14", "max_24_hour_send": "50,000", "latency_ms": "40.5"},
            {"max_send_rate": 14, "max_24_hour_send": 50_000, "latency_ms": 40.5},
        ),
        ({"max_24_hour_send": "-1"}, {"max_24_hour_send": -1}),
        ({"latency_ms": "0", "enforcement_status": "SHUTDOWN"}, {"latency_ms": 0}),
    ],
)
def test_a_form_sets_what_it_has(form: dict[str, str], found: dict[str, object]) -> None:
    assert changes(form) == found
    msgspec.convert({**LIMITS, **found}, Limits)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("text", ["", "fast", "-2", "nan", "inf", "1e999"])
def test_a_number_that_the_account_cannot_have_is_named(name: str, text: str) -> None:
    with pytest.raises(InvalidFormError) as caught:
        changes({"max_send_rate": "1", name: text})
    assert caught.value.errors == {name: NUMBERS[name]}


@pytest.mark.parametrize(("name", "number"), [("max_send_rate", 0), ("latency_ms", 600_001)])
def test_the_simulated_ses_refuses_it_too(name: str, number: float) -> None:
    with pytest.raises(InvalidFormError):
        changes({name: str(number)})
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**LIMITS, name: number}, Limits)

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailbus_local.ses.errors import TOO_MANY_REQUESTS, SesError
from mailbus_local.ses.operations.get_account import get_account
from mailbus_local.ses.state.account import Account, Limits
from mailbus_local.ses.state.suppression_list import SuppressionList
from tests.unit.mailbus_local.simulated_ses import Clock

if TYPE_CHECKING:
    from tests.unit.mailbus_local.simulated_ses import SesEnvironment


def test_get_account_returns_the_limits(env: SesEnvironment) -> None:
    env.http.put("/account", json={"max_send_rate": 14, "max_24_hour_send": 200})
    env.send("alice@customer.example")
    account = env.get_account()
    assert account["SendQuota"] == {
        "Max24HourSend": 200.0,
        "MaxSendRate": 14.0,
        "SentLast24Hours": 1.0,
    }
    assert account["ProductionAccessEnabled"] is True


def test_get_account_is_throttled_to_one_call_a_second() -> None:
    clock = Clock()
    account, suppression_list = Account(Limits(), clock), SuppressionList(clock)
    assert get_account(account, suppression_list).production_access_enabled
    with pytest.raises(SesError) as caught:
        get_account(account, suppression_list)
    assert caught.value.code == TOO_MANY_REQUESTS
    clock.now += 1
    assert get_account(account, suppression_list).sending_enabled


def test_reviews_and_plans_are_set_by_the_control_api(env: SesEnvironment) -> None:
    env.http.put("/account", json={"enforcement_status": "PROBATION", "pricing_plan": "ESSENTIALS"})
    found = env.http.get("/account").json()
    assert (found["enforcement_status"], found["pricing_plan"]) == ("PROBATION", "ESSENTIALS")
    account, suppression_list = Account(Limits(pricing_plan="PRO"), Clock()), SuppressionList(Clock())
    answer = get_account(account, suppression_list)
    assert (answer.enforcement_status, answer.pricing_attributes) == ("HEALTHY", {"CurrentPlan": "PRO"})
    assert env.http.put("/account", json={"pricing_plan": "FREE"}).status_code == 400

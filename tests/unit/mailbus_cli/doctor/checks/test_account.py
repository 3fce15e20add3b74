"""The checks of SES's account, on answers of GetAccount.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html
"""

from __future__ import annotations

from typing import Any

import pytest

from mailbus_cli.doctor.checks import enforcement, pricing_plan, quota, sandbox, sending, suppression_list

HEALTHY: dict[str, Any] = {
    "SendingEnabled": True,
    "ProductionAccessEnabled": True,
    "EnforcementStatus": "HEALTHY",
    "SendQuota": {"Max24HourSend": 50000.0, "MaxSendRate": 14.0, "SentLast24Hours": 100.0},
    "SuppressionAttributes": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
    "PricingAttributes": {"CurrentPlan": "NONE", "NextPlan": "NONE"},
}


def test_a_healthy_account_is_fine() -> None:
    verdicts = [
        sandbox.judge(HEALTHY, "eu-west-1"),
        sending.judge_account(HEALTHY, "eu-west-1"),
        enforcement.judge(HEALTHY),
        quota.judge(HEALTHY),
        pricing_plan.judge(HEALTHY),
        suppression_list.judge_account(HEALTHY),
    ]
    assert {verdict.level for verdict in verdicts} == {"ok"}


@pytest.mark.parametrize(
    ("review", "said", "asks"),
    [
        ({}, "mail goes to verified addresses alone", True),
        ({"Status": "PENDING", "CaseId": "42"}, "AWS is looking at the request (case 42)", False),
        ({"Status": "DENIED", "CaseId": "42"}, "AWS denied the request (case 42)", True),
        ({"Status": "FAILED"}, "the request failed, and can be made again", True),
    ],
)
def test_the_sandbox_says_what_became_of_the_request(review: dict[str, str], said: str, asks: bool) -> None:  # noqa: FBT001 - a parameter
    account = {**HEALTHY, "ProductionAccessEnabled": False, "Details": {"ReviewDetails": review}}
    verdict = sandbox.judge(account, "eu-west-1")
    assert verdict.level == "problem"
    assert said in verdict.text
    assert (verdict.record is not None) == asks


def test_a_pause_of_the_account_or_of_a_set_has_the_command_that_ends_it() -> None:
    account = sending.judge_account({**HEALTHY, "SendingEnabled": False}, "eu-west-1")
    paused = sending.judge_set("news", {"SendingOptions": {"SendingEnabled": False}}, "eu-west-1")
    for verdict in (account, paused):
        assert verdict.level == "problem"
        assert verdict.record is not None
        assert verdict.record.endswith("--sending-enabled")
    assert sending.judge_set("news", {"SendingOptions": {"SendingEnabled": True}}, "eu-west-1").level == "ok"
    assert sending.judge_set("gone", None, "eu-west-1").level == "ok"


@pytest.mark.parametrize(
    ("status", "level"), [("PROBATION", "warning"), ("SHUTDOWN", "problem"), ("X", "problem")]
)
def test_a_review_is_a_warning_and_a_stop_a_problem(status: str, level: str) -> None:
    assert enforcement.judge({**HEALTHY, "EnforcementStatus": status}).level == level


@pytest.mark.parametrize(
    ("most", "sent", "level", "text"),
    [
        (50_000.0, 39_999.0, "ok", "80% of the 50,000"),
        (50_000.0, 40_000.0, "warning", "80% of the 50,000"),
        (50_000.0, 50_000.0, "problem", "100% of the 50,000"),
        (200.0, 250.0, "problem", "125% of the 200"),
        (-1.0, 5_000_000.0, "ok", "no limit; 5,000,000 in the last 24 hours"),
        (0.0, 0.0, "problem", "100% of the 0"),
    ],
)
def test_the_quota_warns_before_it_is_used_up(most: float, sent: float, level: str, text: str) -> None:
    account = {**HEALTHY, "SendQuota": {"Max24HourSend": most, "MaxSendRate": 1.0, "SentLast24Hours": sent}}
    verdict = quota.judge(account)
    assert verdict.level == level
    assert verdict.text.startswith(text)


@pytest.mark.parametrize(
    ("attributes", "level", "text"),
    [
        (None, "ok", "no plan is reported"),
        ({"CurrentPlan": "NONE"}, "ok", "no plan"),
        ({"CurrentPlan": "ESSENTIALS", "NextPlan": "ESSENTIALS"}, "warning", "costs 60 % more"),
        ({"CurrentPlan": "ESSENTIALS"}, "warning", "costs 60 % more"),
        ({"CurrentPlan": "ESSENTIALS", "NextPlan": "NONE"}, "ok", "and NONE from the next month on"),
        (
            {"CurrentPlan": "NONE", "NextPlan": "ESSENTIALS"},
            "warning",
            "the plan is NONE, and ESSENTIALS from",
        ),
        ({"CurrentPlan": "PRO"}, "ok", "the plan is PRO: 0.22, and 105 a month"),
        ({"CurrentPlan": "PREMIUM"}, "ok", "the plan is PREMIUM"),
    ],
)
def test_the_default_plan_of_new_accounts_is_a_warning(
    attributes: dict[str, str] | None, level: str, text: str
) -> None:
    verdict = pricing_plan.judge({**HEALTHY, "PricingAttributes": attributes})
    assert verdict.level == level
    assert text in verdict.text


@pytest.mark.parametrize(
    ("reasons", "missing"), [([], "BOUNCE and COMPLAINT"), (["COMPLAINT"], "not hold BOUNCE:")]
)
def test_a_list_that_is_not_used_is_a_warning(reasons: list[str], missing: str) -> None:
    account = {**HEALTHY, "SuppressionAttributes": {"SuppressedReasons": reasons}}
    verdict = suppression_list.judge_account(account)
    assert verdict.level == "warning"
    assert missing in verdict.text


def test_own_addresses_on_the_list_are_named_with_the_command_that_removes_them() -> None:
    addresses = ["ann@else.example", "shop@example.com", "x@mail.example.com", "$(reboot)@example.com"]
    verdict = suppression_list.judge_addresses(addresses, {"example.com"}, more=True)
    assert verdict.level == "warning"
    assert verdict.text.endswith(": shop@example.com, x@mail.example.com, $(reboot)@example.com")
    assert verdict.record is not None
    assert verdict.record.splitlines()[2].endswith("--email-address '$(reboot)@example.com'")


def test_an_identity_that_is_an_address_owns_no_domain() -> None:
    own = {"ada@example.com"}
    assert suppression_list.judge_addresses(["bob@example.com"], own, more=False).level == "ok"
    assert suppression_list.judge_addresses(["ada@example.com"], own, more=False).level == "warning"


def test_the_size_of_the_list_is_known_as_far_as_it_was_read() -> None:
    assert suppression_list.judge_addresses(["a@b.example"] * 1000, set(), more=True).text == (
        "1,000 or more addresses"
    )

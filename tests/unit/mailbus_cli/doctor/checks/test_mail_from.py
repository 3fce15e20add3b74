from __future__ import annotations

import pytest

from mailbus_cli.dns import Outcome
from mailbus_cli.doctor.checks.mail_from import judge_mx, judge_setting
from tests.unit.mailbus_cli.doctor.checks.dns_answers import answer

DOMAIN = "bounces.example.com"
USED = {
    "MailFromDomain": DOMAIN,
    "MailFromDomainStatus": "SUCCESS",
    "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
}
REFUSES = {**USED, "BehaviorOnMxFailure": "REJECT_MESSAGE"}
HOST = "feedback-smtp.eu-west-1.amazonses.com"
RECORD = f"{DOMAIN} MX 10 {HOST}"


def test_none_is_fine_and_says_what_it_means() -> None:
    verdict = judge_setting("example.com", {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"}, None)
    assert verdict.level == "ok"
    assert "DMARC rests on DKIM" in verdict.text


def test_one_that_ses_uses_is_fine() -> None:
    assert judge_setting("example.com", USED, DOMAIN).level == "ok"
    assert judge_setting("example.com", USED, None).level == "ok"


@pytest.mark.parametrize(
    ("attributes", "has"), [({}, "none"), ({**USED, "MailFromDomain": "old.example.com"}, "old.example.com")]
)
def test_another_one_than_in_the_settings_is_a_problem(attributes: dict[str, str], has: str) -> None:
    verdict = judge_setting("example.com", attributes, DOMAIN)
    assert (verdict.level, verdict.text) == ("problem", f"the settings have {DOMAIN}, but SES has {has}")
    assert verdict.record is not None
    assert verdict.record.endswith(f"--mail-from-domain {DOMAIN}")


@pytest.mark.parametrize("status", ["PENDING", "FAILED", "TEMPORARY_FAILURE"])
@pytest.mark.parametrize(("attributes", "level"), [(USED, "warning"), (REFUSES, "problem")])
def test_until_ses_uses_it_the_behaviour_on_failure_decides(
    status: str, attributes: dict[str, str], level: str
) -> None:
    verdict = judge_setting("example.com", {**attributes, "MailFromDomainStatus": status}, DOMAIN)
    assert verdict.level == level
    assert ("SES refuses mail" in verdict.text) == (level == "problem")


def test_the_right_mx_record_alone_is_fine() -> None:
    assert judge_mx(DOMAIN, USED, "eu-west-1", answer("MX", f"10 {HOST}")).level == "ok"
    assert judge_mx(DOMAIN, USED, "eu-west-1", answer("MX", f"5 {HOST.upper()}")).level == "ok"


@pytest.mark.parametrize("values", [(), ("10 mail.example.com",), (f"10 {HOST}", "20 mail.example.com")])
@pytest.mark.parametrize(("attributes", "level"), [(USED, "warning"), (REFUSES, "problem")])
def test_any_other_is_as_bad_as_what_ses_does_without_it(
    values: tuple[str, ...], attributes: dict[str, str], level: str
) -> None:
    verdict = judge_mx(DOMAIN, attributes, "eu-west-1", answer("MX", *values))
    assert (verdict.level, verdict.record) == (level, RECORD)


def test_servers_that_fail_blame_no_record() -> None:
    verdict = judge_mx(DOMAIN, REFUSES, "eu-west-1", answer("MX", failed=Outcome.FAILED))
    assert (verdict.level, verdict.record) == ("warning", None)

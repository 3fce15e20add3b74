from __future__ import annotations

import pytest

from mailbus_cli.dns import Outcome
from mailbus_cli.doctor.checks.dkim import judge_key, judge_own_key, judge_signing
from tests.unit.mailbus_cli.doctor.checks.dns_answers import answer

ZONE = "dkim.amazonses.com"
KEY = "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ"
RECORD = f"tok._domainkey.example.com CNAME tok.{ZONE}"


def test_a_domain_that_signs_is_fine() -> None:
    assert judge_signing("example.com", {"Status": "SUCCESS", "SigningEnabled": True}).level == "ok"


@pytest.mark.parametrize("status", ["PENDING", "FAILED", "TEMPORARY_FAILURE", "NOT_STARTED"])
def test_a_domain_whose_keys_ses_has_not_found_is_a_problem(status: str) -> None:
    verdict = judge_signing("example.com", {"Status": status, "SigningEnabled": True})
    assert verdict.level == "problem"
    # SES begins again only by a command
    assert (verdict.record is not None) == (status == "FAILED")


def test_signing_that_is_turned_off_is_a_problem_with_the_command() -> None:
    verdict = judge_signing("example.com", {"Status": "SUCCESS", "SigningEnabled": False})
    assert verdict.record == (
        "aws sesv2 put-email-identity-dkim-attributes --signing-enabled --email-identity example.com"
    )


@pytest.mark.parametrize(
    "target", [f"tok.{ZONE}", "TOK.dkim.amazonses.com", "tok.dkim.af-south-1.amazonses.com"]
)
def test_a_record_that_leads_to_a_key_of_ses_is_fine(target: str) -> None:
    assert judge_key("tok", "example.com", ZONE, answer("CNAME", target), answer("TXT", KEY)).level == "ok"


def test_a_provider_may_answer_with_the_key_in_place_of_the_cname() -> None:
    assert judge_key("tok", "example.com", ZONE, answer("CNAME"), answer("TXT", KEY)).level == "ok"


def test_a_missing_record_is_there_to_copy() -> None:
    gone = answer("CNAME", name="tok._domainkey.example.com", failed=Outcome.NO_NAME)
    verdict = judge_key("tok", "example.com", ZONE, gone, answer("TXT"))
    assert (verdict.level, verdict.text, verdict.record) == (
        "problem",
        "tok._domainkey.example.com does not exist in DNS",
        RECORD,
    )


@pytest.mark.parametrize("target", ["tok.example.org", "other.dkim.amazonses.com"])
def test_a_record_that_leads_elsewhere_is_a_problem(target: str) -> None:
    verdict = judge_key("tok", "example.com", ZONE, answer("CNAME", target), answer("TXT", KEY))
    assert (verdict.level, verdict.record) == ("problem", RECORD)


@pytest.mark.parametrize("text", ["p=", "v=DKIM2; p=x", "hello"])
def test_a_revoked_or_missing_key_is_a_problem(text: str) -> None:
    cname = answer("CNAME", f"tok.{ZONE}")
    assert judge_key("tok", "example.com", ZONE, cname, answer("TXT", text)).level == "problem"


@pytest.mark.parametrize("failed", [Outcome.FAILED, Outcome.NO_ANSWER])
def test_servers_that_fail_blame_no_record(failed: Outcome) -> None:
    verdict = judge_key("tok", "example.com", ZONE, answer("CNAME", failed=failed), answer("TXT"))
    assert (verdict.level, verdict.record) == ("warning", None)


def test_a_key_of_ones_own_is_a_txt_record_of_its_selector() -> None:
    assert judge_own_key("s1", "example.com", answer("TXT", f"v=DKIM1; k=rsa; {KEY}")).level == "ok"
    assert judge_own_key("s1", "example.com", answer("TXT", "x")).level == "problem"
    assert judge_own_key("s1", "example.com", answer("TXT", failed=Outcome.FAILED)).level == "warning"

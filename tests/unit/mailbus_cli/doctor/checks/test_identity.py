from __future__ import annotations

from typing import Any

import pytest

from mailbus_cli.doctor.checks.identity import judge


def test_a_verified_identity_is_fine() -> None:
    # https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetEmailIdentity.html
    answer = {"IdentityType": "DOMAIN", "VerifiedForSendingStatus": True, "VerificationStatus": "SUCCESS"}
    assert judge("example.com", answer, own=True, region="eu-west-1").level == "ok"


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("PENDING", "SES is still looking for its records, for up to 72 hours"),
        ("FAILED", "SES did not find its records for 72 hours, and has given up"),
        ("TEMPORARY_FAILURE", "SES could not look for its records just now, and tries again"),
        ("NOT_STARTED", "its verification was not started"),
        ("NEW_STATUS", "SES has not verified it"),
    ],
)
def test_an_unverified_domain_leads_to_its_records(status: str, why: str) -> None:
    answer = {"VerifiedForSendingStatus": False, "VerificationStatus": status}
    verdict = judge("example.com", answer, own=True, region="eu-west-1")
    assert (verdict.level, verdict.text) == ("problem", f"example.com is not verified: {why}")
    assert verdict.fix == "create the records that the check dkim names"


def test_an_unverified_address_leads_to_awss_mail() -> None:
    verdict = judge("ada@example.com", {"VerifiedForSendingStatus": False}, own=False, region="eu-west-1")
    assert verdict.level == "warning"
    assert (
        verdict.record == "aws ses verify-email-identity --region eu-west-1 --email-address ada@example.com"
    )


@pytest.mark.parametrize(("own", "level"), [(True, "problem"), (False, "warning")])
def test_one_that_does_not_exist_is_worse_if_it_is_the_stages_own(own: bool, level: str) -> None:  # noqa: FBT001 - a parameter
    verdict = judge("example.com", None, own=own, region="eu-west-1")
    assert (verdict.level, verdict.text) == (level, "example.com is not an identity of SES in eu-west-1")


def test_an_answer_without_a_status_is_not_taken_for_verified() -> None:
    answer: dict[str, Any] = {}
    assert judge("example.com", answer, own=True, region="eu-west-1").level == "problem"

from __future__ import annotations

from typing import Any

import pytest

from mailbus_cli.dns import Outcome
from mailbus_cli.doctor.checks.tracking_domain import judge, judge_set
from tests.unit.mailbus_cli.doctor.checks.dns_answers import answer

RECORD = "links.example.com CNAME r.eu-west-1.awstrack.me"


@pytest.mark.parametrize(
    ("target", "level"),
    [
        ("r.eu-west-1.awstrack.me", "ok"),
        # with HTTPS: https://docs.aws.amazon.com/ses/latest/dg/configure-custom-open-click-domains.html
        ("d111111abcdef8.cloudfront.net", "ok"),
        ("r.us-east-1.awstrack.me", "problem"),
    ],
)
def test_links_lead_to_ses_or_to_what_passes_them_on(target: str, level: str) -> None:
    assert judge(RECORD, answer("CNAME", target)).level == level


def test_without_a_record_there_is_one_to_copy() -> None:
    assert judge(RECORD, answer("CNAME")).record == RECORD
    assert judge(RECORD, answer("CNAME", failed=Outcome.FAILED)).record is None


def test_a_domain_that_ses_uses_is_right() -> None:
    found = {"TrackingOptions": {"CustomRedirectDomain": "links.example.com"}}
    assert judge_set("mailbus-prod", "links.example.com", found).level == "ok"


@pytest.mark.parametrize("found", [None, {}, {"TrackingOptions": {}}])
def test_a_domain_that_ses_has_not_verified_is_not_used_yet(found: dict[str, Any] | None) -> None:
    waits = judge_set("mailbus-prod", "links.example.com", found)
    assert waits.level == "warning"
    assert waits.text.startswith("mailbus-prod does not use links.example.com yet, but a domain of SES: ")

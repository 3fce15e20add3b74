from __future__ import annotations

import pytest

from mailbus_cli.dns import Outcome
from mailbus_cli.doctor.checks.tracking_domain import judge
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

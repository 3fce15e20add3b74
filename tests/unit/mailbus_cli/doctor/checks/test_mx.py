from __future__ import annotations

import pytest

from mailbus_cli.dns import Outcome
from mailbus_cli.doctor.checks.mx import judge
from tests.unit.mailbus_cli.doctor.checks.dns_answers import answer

HOST = "inbound-smtp.eu-west-1.amazonaws.com"
RECORD = f"inbound.example.com MX 10 {HOST}"


@pytest.mark.parametrize("values", [(f"10 {HOST}",), (f"0 {HOST.upper()}", "20 backup.example.com")])
def test_a_record_that_leads_to_ses_first_is_fine(values: tuple[str, ...]) -> None:
    assert judge(RECORD, answer("MX", *values)).level == "ok"


@pytest.mark.parametrize(
    ("values", "level"),
    [
        ((), "problem"),
        (("10 mail.example.com",), "problem"),
        (("10 inbound-smtp.us-east-1.amazonaws.com",), "problem"),
        ((f"10 {HOST}", "10 mail.example.com"), "warning"),
        ((f"10 {HOST}", "5 mail.example.com"), "warning"),
    ],
)
def test_any_other_has_the_record_to_copy(values: tuple[str, ...], level: str) -> None:
    verdict = judge(RECORD, answer("MX", *values))
    assert (verdict.level, verdict.record) == (level, RECORD)


def test_servers_that_fail_blame_no_record() -> None:
    verdict = judge(RECORD, answer("MX", failed=Outcome.NO_ANSWER))
    assert (verdict.level, verdict.record) == ("warning", None)

from __future__ import annotations

import pytest

from mailbus_cli.dns import Outcome
from mailbus_cli.doctor.checks.spf import count_lookups, judge
from tests.unit.mailbus_cli.doctor.checks.dns_answers import answer

DOMAIN = "bounces.example.com"


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 include:amazonses.com ~all",
        "V=SPF1 ip4:192.0.2.0/24 ip6:2001:db8::/32 mx a:mail.example.com/24//64 INCLUDE:AmazonSES.com -all",
        "v=spf1 redirect=amazonses.com",
        "v=spf1 include:amazonses.com exists:%{i}.spf.example.com exp=why.example.com ?all",
    ],
)
def test_a_record_that_includes_ses_is_fine(record: str) -> None:
    assert judge(DOMAIN, answer("TXT", record, "other=text"), lambda _: 1).level == "ok"


@pytest.mark.parametrize("values", [(), ("v=spf10 -all",), ("spf1 include:amazonses.com",)])
def test_without_a_record_there_is_one_to_copy(values: tuple[str, ...]) -> None:
    verdict = judge(DOMAIN, answer("TXT", *values), lambda _: 1)
    assert (verdict.level, verdict.record) == (
        "problem",
        f'{DOMAIN} TXT "v=spf1 include:amazonses.com ~all"',
    )


def test_a_record_without_ses_gets_it_added() -> None:
    verdict = judge(DOMAIN, answer("TXT", "v=spf1 include:_spf.google.com -all"), lambda _: 1)
    assert verdict.record == f'{DOMAIN} TXT "v=spf1 include:amazonses.com include:_spf.google.com -all"'


@pytest.mark.parametrize(
    ("values", "lookups", "level", "text"),
    [
        (("v=spf1 -all", "v=spf1 include:amazonses.com -all"), 1, "problem", "has 2 SPF records"),
        (("v=spf1 include:amazonses.com ip4:x -all",), 1, "problem", "is invalid at 'ip4:x'"),
        (("v=spf1 include: -all",), 1, "problem", "is invalid at 'include:'"),
        (("v=spf1 include:amazonses.com -all",), 11, "problem", "takes 11 lookups"),
        (("v=spf1 include:amazonses.com +all",), 1, "warning", "allows everybody"),
        (("v=spf1 include:amazonses.com all",), 1, "warning", "allows everybody"),
    ],
)
def test_what_receivers_take_for_an_error_is_named(
    values: tuple[str, ...], lookups: int, level: str, text: str
) -> None:
    verdict = judge(DOMAIN, answer("TXT", *values), lambda _: lookups)
    assert verdict.level == level
    assert text in verdict.text


def test_servers_that_fail_blame_no_record() -> None:
    assert judge(DOMAIN, answer("TXT", failed=Outcome.NO_ANSWER), lambda _: 0).level == "warning"


def test_the_lookups_of_included_records_count_and_a_circle_ends() -> None:
    zone = {
        "a.example": "v=spf1 include:b.example mx -all",
        "b.example": "v=spf1 a ip4:192.0.2.1 -all",
        "loop.example": "v=spf1 include:loop.example -all",
    }

    def count(record: str) -> int:
        return count_lookups(record, lambda name: answer("TXT", zone[name]))

    assert count("v=spf1 include:a.example -all") == 4
    assert count("v=spf1 include:loop.example -all") == 11
    assert count("v=spf1 ip4:192.0.2.1 -all") == 0

from __future__ import annotations

import pytest

from mailbus_cli.dns import Answer, Outcome
from mailbus_cli.doctor.checks.dmarc import Signed, judge, judge_report_domain, nearest
from tests.unit.mailbus_cli.doctor.checks.dns_answers import answer

DOMAIN = "example.com"
DKIM = Signed(dkim=True)
RUA = "rua=mailto:dmarc@example.com"


@pytest.mark.parametrize(
    "record",
    [
        f"v=DMARC1; p=none; {RUA}",
        f"v=DMARC1;p=reject;{RUA};pct=100;adkim=s;aspf=s;ruf=mailto:x@example.com;fo=1",
        f"v = DMARC1 ; p = QUARANTINE ; {RUA}!10m,mailto:b@example.com ; ",
        f"v=DMARC1; {RUA}; p=reject; np=reject; t=y; unknown=tag",
    ],
)
def test_a_valid_record_with_reports_is_fine(record: str) -> None:
    assert judge(DOMAIN, (DOMAIN, answer("TXT", record, "other")), DKIM).level == "ok"


def test_without_a_record_there_is_one_to_copy() -> None:
    verdict = judge(DOMAIN, (DOMAIN, answer("TXT")), DKIM)
    assert (verdict.level, verdict.record) == (
        "problem",
        '_dmarc.example.com TXT "v=DMARC1; p=none; rua=mailto:dmarc@example.com"',
    )


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (f"v=dmarc1; p=none; {RUA}", 'it must begin with "v=DMARC1;"'),
        (f"v=DMARC1 p=none; {RUA}", 'it must begin with "v=DMARC1;"'),
        (f"v=DMARC1; {RUA}", "it has no policy"),
        (f"v=DMARC1; p=block; {RUA}", "p=block is no policy"),
        (f"v=DMARC1; p=none; sp=never; {RUA}", "sp=never is no policy"),
    ],
)
def test_a_record_that_receivers_ignore_is_a_problem_with_why(record: str, why: str) -> None:
    verdict = judge(DOMAIN, (DOMAIN, answer("TXT", record)), DKIM)
    assert verdict.level == "problem"
    assert why in verdict.text


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ("v=DMARC1; p=none", "_dmarc.example.com has no rua"),
        ("v=DMARC1; p=none; rua=dmarc@example.com", "is no mailto: address"),
        (f"v=DMARC1; p=none; {RUA}; adkim=strict", "adkim=strict must be r or s"),
        (f"v=DMARC1; p=none; {RUA}; nonsense", "'nonsense' is no tag=value"),
        (f"v=DMARC1; p=none; {RUA}; p=reject", "p is there twice"),
    ],
)
def test_a_tag_that_receivers_ignore_is_a_warning(record: str, why: str) -> None:
    verdict = judge(DOMAIN, (DOMAIN, answer("TXT", record)), DKIM)
    assert verdict.level == "warning"
    assert why in verdict.text


def test_rua_is_added_to_the_record_that_is_there() -> None:
    verdict = judge(DOMAIN, (DOMAIN, answer("TXT", "v=DMARC1; p=reject;")), DKIM)
    assert verdict.record == '_dmarc.example.com TXT "v=DMARC1; p=reject; rua=mailto:dmarc@example.com"'


def test_several_records_are_none_to_receivers() -> None:
    record = f"v=DMARC1; p=none; {RUA}"
    verdict = judge(DOMAIN, (DOMAIN, answer("TXT", record, record + ";")), DKIM)
    assert (verdict.level, verdict.text) == (
        "problem",
        "_dmarc.example.com has 2 records, so receivers use none of them",
    )


@pytest.mark.parametrize(
    ("tags", "signed", "level"),
    [
        ("p=reject", DKIM, "ok"),
        ("p=reject", Signed(dkim=False, mail_from="b.example.com"), "ok"),
        ("p=reject; aspf=s", Signed(dkim=False, mail_from="b.example.com"), "problem"),
        ("p=reject; aspf=s", Signed(dkim=True, mail_from="b.example.com"), "ok"),
        ("p=quarantine", Signed(dkim=False), "problem"),
        ("p=none", Signed(dkim=False), "warning"),
        # of a domain below the record's, sp counts
        ("p=none; sp=reject", Signed(dkim=False), "warning"),
    ],
)
def test_mail_that_passes_by_nothing_is_as_bad_as_the_policy(tags: str, signed: Signed, level: str) -> None:
    verdict = judge(DOMAIN, (DOMAIN, answer("TXT", f"v=DMARC1; {tags}; {RUA}")), signed)
    assert verdict.level == level


def test_the_policy_of_a_domain_below_is_sp() -> None:
    record = f"v=DMARC1; p=none; sp=reject; {RUA}"
    verdict = judge("shop.example.com", (DOMAIN, answer("TXT", record)), Signed(dkim=False))
    assert (verdict.level, "p=reject" in verdict.text) == ("problem", True)


def test_the_nearest_record_above_counts() -> None:
    zone = {"_dmarc.example.com": "v=DMARC1; p=none"}
    asked: list[str] = []

    def look_up(name: str) -> Answer:
        asked.append(name)
        return answer("TXT", *([zone[name]] if name in zone else []), name=name)

    of, found = nearest("a.b.example.com", look_up)
    assert (of, found.values) == ("example.com", ("v=DMARC1; p=none",))
    assert asked == ["_dmarc.a.b.example.com", "_dmarc.b.example.com", "_dmarc.example.com"]
    assert nearest("example.org", look_up)[0] == "example.org"


def test_servers_that_fail_blame_no_record() -> None:
    verdict = judge(DOMAIN, (DOMAIN, answer("TXT", failed=Outcome.FAILED)), DKIM)
    assert (verdict.level, verdict.record) == ("warning", None)


def test_another_domain_must_say_that_it_takes_reports() -> None:
    assert judge_report_domain(DOMAIN, "reports.example", answer("TXT", "v=DMARC1;")).level == "ok"
    refused = judge_report_domain(DOMAIN, "reports.example", answer("TXT"))
    assert refused.record == 'example.com._report._dmarc.reports.example TXT "v=DMARC1"'

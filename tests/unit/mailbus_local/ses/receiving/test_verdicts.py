from __future__ import annotations

import pytest

from mailbus_local.ses.errors import InvalidControlRequest
from mailbus_local.ses.mime import read_headers
from mailbus_local.ses.receiving.verdicts import (
    NONE_GIVEN,
    GivenVerdicts,
    header_lines,
    parse_verdicts,
    verdicts_on,
)
from mailbus_local.ses.scanning import GTUBE
from tests.unit.mailbus_local.simulated_ses import MAIL, InboundEnvironment

SIGNED = b"DKIM-Signature: v=1; d=sender.example\r\n" + MAIL


def lines(given: GivenVerdicts, raw: bytes = MAIL, mail_from: str = "bounces@bulk.example") -> list[str]:
    headers = read_headers(raw.partition(b"\r\n\r\n")[0])
    found = verdicts_on(raw, given, scanned=False)
    return header_lines(found, headers, mail_from=mail_from, peer="192.0.2.1")


def test_given_verdicts_are_in_the_notification_and_in_the_headers(inbound: InboundEnvironment) -> None:
    inbound.add_rule(inbound.s3_action(), Recipients=["inbound.example.com"], ScanEnabled=True)
    given = {"spf": "FAIL", "dkim": "PROCESSING_FAILED", "dmarc": "FAIL", "dmarc_policy": "reject"}
    response = inbound.env.http.post(
        "/inbound",
        params={
            "mail_from": "a@forged.example",
            "rcpt_to": "support@inbound.example.com",
            "spam": "GRAY",
            "virus": "FAIL",
            **given,
        },
        content=MAIL,
    )
    receipt = inbound.notification()["receipt"]
    names = ("spf", "dkim", "dmarc", "spam", "virus")
    assert {name: receipt[f"{name}Verdict"]["status"] for name in names} == {
        "spf": "FAIL",
        "dkim": "PROCESSING_FAILED",
        "dmarc": "FAIL",
        "spam": "GRAY",
        "virus": "FAIL",
    }
    assert receipt["dmarcPolicy"] == "reject"
    stored = inbound.stored(f"raw/{response.json()['message_id']}")
    assert b"X-SES-Virus-Verdict: FAIL\r\n" in stored
    assert (
        b"Authentication-Results: amazonses.com;\r\n"
        b" spf=fail (spfCheck: domain of forged.example does not designate 127.0.0.1 as permitted sender) "
        b"client-ip=127.0.0.1; envelope-from=a@forged.example; helo=forged.example;\r\n"
        b" dkim=temperror header.i=@sender.example;\r\n"
        b" dmarc=fail header.from=sender.example;\r\n"
    ) in stored


def test_a_mail_that_passes_has_no_policy() -> None:
    assert verdicts_on(MAIL, parse_verdicts({"dmarc": "PASS"}), scanned=False).dmarc_policy is None
    # a domain whose mail fails has a policy in any case
    assert verdicts_on(MAIL, parse_verdicts({"dmarc": "FAIL"}), scanned=False).dmarc_policy == "none"


def test_without_given_verdicts_the_mail_decides() -> None:
    found = verdicts_on(SIGNED + GTUBE, NONE_GIVEN, scanned=True)
    statuses = [each.status for each in (found.spf, found.dkim, found.dmarc, found.spam, found.virus)]
    assert statuses == ["PASS", "PASS", "GRAY", "FAIL", "PASS"]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({}, " dmarc=none header.from=sender.example;"),
        ({"dkim": "PASS"}, " dkim=pass header.i=@sender.example;"),
        ({"dkim": "FAIL"}, " dkim=fail header.i=@sender.example;"),
        ({"spf": "GRAY"}, "Received-SPF: none (spfCheck: 192.0.2.1 is neither permitted nor denied by"),
        ({"spf": "PASS"}, "Received-SPF: pass (spfCheck: domain of bulk.example designates 192.0.2.1 as"),
    ],
)
def test_each_verdict_has_a_header(given: dict[str, str], line: str) -> None:
    assert line in "\n".join(lines(parse_verdicts(given)))


def test_a_report_without_a_sender_and_without_an_author_has_headers() -> None:
    assert (
        lines(NONE_GIVEN, b"Subject: x\r\n\r\nhi", mail_from="")[-1] == " dmarc=none header.from=localhost;"
    )


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"dmark": "FAIL"}, "did you mean dmarc?"),
        ({"dmarc": "fail"}, "verdicts are PASS, FAIL, GRAY, PROCESSING_FAILED"),
        ({"dmarc": "FAIL", "dmarc_policy": "delete"}, "policies none, quarantine, reject"),
        ({"dmarc_policy": "reject"}, "add dmarc=FAIL"),
        ({"spam": "DISABLED"}, "spam"),
    ],
)
def test_what_is_no_verdict_of_ses_is_refused(given: dict[str, str], reason: str) -> None:
    with pytest.raises(InvalidControlRequest) as caught:
        parse_verdicts(given)
    assert reason in caught.value.reason


def test_a_verdict_of_a_scan_needs_a_rule_that_scans(inbound: InboundEnvironment) -> None:
    inbound.add_rule(inbound.s3_action(), Recipients=["inbound.example.com"])
    response = inbound.env.http.post(
        "/inbound",
        params={"mail_from": "a@b.example", "rcpt_to": "support@inbound.example.com", "spam": "FAIL"},
        content=MAIL,
    )
    assert (response.status_code, "ScanEnabled" in response.json()["error"]) == (400, True)
    assert inbound.objects() == ["raw/AMAZON_SES_SETUP_NOTIFICATION"]

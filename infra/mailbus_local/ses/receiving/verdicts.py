"""SES's verdicts on received mail, and the headers in which it writes them.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
DNS is not queried: SPF passes, DKIM passes if the mail has a signature, and DMARC finds no policy, unless the
control API is given other verdicts. The headers have the words that SES has in mail that people published,
which are those of Apache James jSPF: https://github.com/apache/james-jspf
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

import msgspec

from mailbus_local.ses import mime
from mailbus_local.ses.addresses import mailboxes
from mailbus_local.ses.errors import InvalidControlRequest, unknown_value
from mailbus_local.ses.scanning import EICAR, GTUBE, contains

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_local.ses.mime import Headers

Status = Literal["PASS", "FAIL", "GRAY", "PROCESSING_FAILED"]
Policy = Literal["none", "quarantine", "reject"]

# The status of a scan that no rule enables. Real notifications have it, SES's documentation does not.
DISABLED: Final = "DISABLED"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """PASS, FAIL, GRAY, PROCESSING_FAILED or, if no rule enables the scan, DISABLED."""

    status: str


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """The verdicts on a mail; spam and virus only if a rule enables scanning, the policy if DMARC fails."""

    spam: Verdict
    virus: Verdict
    spf: Verdict
    dkim: Verdict
    dmarc: Verdict
    dmarc_policy: str | None = None


class GivenVerdicts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Verdicts that the control API is given, in place of those that a mail would get."""

    spf: Status | None = None
    dkim: Status | None = None
    dmarc: Status | None = None
    spam: Status | None = None
    virus: Status | None = None
    dmarc_policy: Policy | None = None


NONE_GIVEN: Final = GivenVerdicts()


def parse_verdicts(given: Mapping[str, str]) -> GivenVerdicts:
    """Parse verdicts by their names. Raise `InvalidControlRequest` if they are not SES's."""
    names = [field.name for field in msgspec.structs.fields(GivenVerdicts)]
    for name in given:
        if name not in names:
            raise InvalidControlRequest(unknown_value(name, ["mail_from", "rcpt_to", *names]))
    try:
        parsed = msgspec.convert(given, GivenVerdicts)
    except msgspec.ValidationError as error:
        reason = (
            f"{error}; verdicts are {', '.join(get_args(Status))}, policies {', '.join(get_args(Policy))}"
        )
        raise InvalidControlRequest(reason) from error
    if parsed.dmarc_policy is not None and parsed.dmarc != "FAIL":
        reason = "dmarc_policy: SES reports the policy only if DMARC fails; add dmarc=FAIL"
        raise InvalidControlRequest(reason)
    return parsed


def verdicts_on(raw: bytes, given: GivenVerdicts, *, scanned: bool) -> Verdicts:
    """Return the verdicts on a mail. Raise `InvalidControlRequest` for a given one that no rule asks for."""
    if not scanned and (given.spam or given.virus):
        reason = "spam, virus: no rule for these recipients has ScanEnabled, so that SES scans nothing"
        raise InvalidControlRequest(reason)
    headers = mime.read_headers(mime.split(raw)[0])
    signed = headers.first("DKIM-Signature") is not None
    return Verdicts(
        spam=Verdict(status=given.spam or (_scanned(raw, headers, GTUBE) if scanned else DISABLED)),
        virus=Verdict(status=given.virus or (_scanned(raw, headers, EICAR) if scanned else DISABLED)),
        spf=Verdict(status=given.spf or "PASS"),
        dkim=Verdict(status=given.dkim or ("PASS" if signed else "GRAY")),
        dmarc=Verdict(status=given.dmarc or "GRAY"),
        dmarc_policy=(given.dmarc_policy or "none") if given.dmarc == "FAIL" else None,
    )


def header_lines(verdicts: Verdicts, headers: Headers, *, mail_from: str, peer: str) -> list[str]:
    """Return the lines in which SES writes verdicts; `headers` are the mail's own."""
    lines = [
        f"X-SES-{name}-Verdict: {verdict.status}"
        for name, verdict in (("Spam", verdicts.spam), ("Virus", verdicts.virus))
        if verdict.status != DISABLED
    ]
    domain = mail_from.rpartition("@")[2] or "localhost"
    found = _SPF[verdicts.spf.status].format(domain=domain, peer=peer)
    spf = (
        f"{_WORDS[verdicts.spf.status]} (spfCheck: {found}) client-ip={peer}; envelope-from={mail_from}; "
        f"helo={domain};"
    )
    written = headers.without_oversized().first("From") or ""
    author = next((box.domain for box in mailboxes(written)), domain)
    lines += [f"Received-SPF: {spf}", "Authentication-Results: amazonses.com;", f" spf={spf}"]
    # without a signature there is no result
    if verdicts.dkim.status != "GRAY":
        lines.append(f" dkim={_WORDS[verdicts.dkim.status]} header.i=@{author};")
    return [*lines, f" dmarc={_WORDS[verdicts.dmarc.status]} header.from={author};"]


_WORDS: Final = {"PASS": "pass", "FAIL": "fail", "GRAY": "none", "PROCESSING_FAILED": "temperror"}
_SPF: Final = {
    "PASS": "domain of {domain} designates {peer} as permitted sender",
    "FAIL": "domain of {domain} does not designate {peer} as permitted sender",
    "GRAY": "{peer} is neither permitted nor denied by domain of {domain}",
    "PROCESSING_FAILED": "error in processing during lookup of {domain}: DNS problem",
}


def _scanned(raw: bytes, headers: Headers, test_string: bytes) -> str:
    if not headers.lines:
        return "PROCESSING_FAILED"
    return "FAIL" if contains(raw, test_string) else "PASS"

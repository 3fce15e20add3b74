"""DMARC: a policy for From, whose reports somebody reads, and by which the mail passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus_cli import side_by_side
from mailbus_cli.doctor import elsewhere, records
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem, unchecked, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailbus_cli.dns import Answer
    from mailbus_cli.doctor.facts import Facts
    from mailbus_cli.doctor.records import Dmarc

# https://www.rfc-editor.org/rfc/rfc7489#section-7.1
AUTHORIZES: Final = "_report._dmarc"


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """How mail of a domain is authenticated: by DKIM of the domain, and by its own MAIL FROM domain."""

    dkim: bool
    mail_from: str | None = None


def judge(domain: str, found: tuple[str, Answer], signed: Signed) -> Verdict:
    """Judge the records of a domain, or of the nearest one above it that has any (`found`)."""
    of, txt = found
    record = f'_dmarc.{domain} TXT "v=DMARC1; p=none; rua=mailto:dmarc@{domain}"'
    if not txt.known:
        return warning(txt.words)
    texts = records.dmarc_records(txt.values)
    if not texts:
        return problem(
            f"_dmarc.{domain} has no record: Gmail and Yahoo refuse bulk mail without one",
            fix="create the record",
            record=record,
        )
    if len(texts) > 1:
        return problem(
            f"_dmarc.{of} has {len(texts)} records, so receivers use none of them", fix="keep one of them"
        )
    dmarc = records.parse_dmarc(texts[0])
    if dmarc.fatal:
        return problem(
            f"the record of _dmarc.{of} is invalid, so receivers ignore it: {'; '.join(dmarc.fatal)}",
            fix="correct it",
            record=f'_dmarc.{of} TXT "v=DMARC1; p=none; rua=mailto:dmarc@{of}"',
        )
    policy = dmarc.policy(of_subdomain=of != domain)
    verdicts = [
        judge_alignment(domain, policy, dmarc, signed),
        *([warning(f"_dmarc.{of}: {'; '.join(dmarc.faults)}", fix="correct it")] if dmarc.faults else []),
    ]
    if not dmarc.report_domains:
        verdicts.append(
            warning(
                f"_dmarc.{of} has no rua: nobody learns which mail fails",
                fix="add rua",
                record=f'_dmarc.{of} TXT "{texts[0].strip().rstrip(";")}; rua=mailto:dmarc@{of}"',
            )
        )
    return combined(verdicts, fine=f"{domain}: p={policy}, reports to {', '.join(dmarc.report_domains)}")


def judge_alignment(domain: str, policy: str, dmarc: Dmarc, signed: Signed) -> Verdict:
    """Judge whether mail from a domain passes: by DKIM, or by SPF of a MAIL FROM domain that aligns."""
    by_spf = signed.mail_from is not None and (not dmarc.strict_spf or signed.mail_from == domain)
    if signed.dkim or by_spf:
        return ok(domain)
    strict = " (aspf=s)" if dmarc.strict_spf and signed.mail_from else ""
    bad = warning if policy == "none" else problem
    return bad(
        f"mail from {domain} passes by neither DKIM nor SPF{strict}, and p={policy}",
        fix="see the checks dkim and mail-from",
    )


def judge_report_domain(domain: str, reports: str, txt: Answer) -> Verdict:
    """Judge whether another domain takes the reports on a domain: it must say so itself."""
    if not txt.known or any(value.replace(" ", "").startswith("v=DMARC1") for value in txt.values):
        return ok(reports)
    return warning(
        f"{reports} does not take reports on {domain}",
        fix="create the record there, or send reports to an address of your own",
        record=f'{domain}.{AUTHORIZES}.{reports} TXT "v=DMARC1"',
    )


def nearest(domain: str, look_up: Callable[[str], Answer]) -> tuple[str, Answer]:
    """Return the domain itself or the nearest one above it with DMARC records, and the answer for it."""
    labels = domain.split(".")
    first = look_up(f"_dmarc.{domain}")
    if records.dmarc_records(first.values) or not first.known:
        return domain, first
    for start in range(1, len(labels) - 1):
        parent = ".".join(labels[start:])
        answer = look_up(f"_dmarc.{parent}")
        if records.dmarc_records(answer.values) or not answer.known:
            return parent, answer
    return domain, first


def _run(facts: Facts) -> Verdict:
    if facts.ses_role:
        return elsewhere.unchecked_account(facts.ses_role)
    names = facts.identities
    if not names:
        return elsewhere.old_deployment("Identity")
    domains = [*dict.fromkeys(name.rpartition("@")[2] for name in names)]
    if facts.resolver is None:
        return unchecked(f"the laptop has no DNS for {', '.join(domains)}")
    verdicts = side_by_side.each(lambda domain: _domain(facts, domain), domains)
    return combined(verdicts, fine="; ".join(verdict.text for verdict in verdicts))


def _domain(facts: Facts, domain: str) -> Verdict:
    resolver = facts.resolver
    assert resolver is not None  # noqa: S101 - the caller has checked

    def look_up(name: str) -> Answer:
        return resolver.look_up(name, "TXT")

    of, txt = nearest(domain, look_up)
    verdict = judge(domain, (of, txt), _signed(elsewhere.or_none(facts, domain) or {}))
    texts = records.dmarc_records(txt.values)
    if len(texts) != 1:
        return verdict
    others = [name for name in records.parse_dmarc(texts[0]).report_domains if not _same(name, of)]
    reports = [judge_report_domain(of, name, look_up(f"{of}.{AUTHORIZES}.{name}")) for name in others]
    return combined([verdict, *reports], fine=verdict.text)


def _same(one: str, other: str) -> bool:
    """Return whether one of two domains is the other, or below it, as those of one owner are."""
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def _signed(identity: Mapping[str, Any]) -> Signed:
    dkim = identity.get("DkimAttributes") or {}
    mail_from = identity.get("MailFromAttributes") or {}
    return Signed(
        dkim=dkim.get("Status") == "SUCCESS" and bool(dkim.get("SigningEnabled")),
        mail_from=mail_from.get("MailFromDomain")
        if mail_from.get("MailFromDomainStatus") == "SUCCESS"
        else None,
    )


CHECK: Final = Check(name="dmarc", title="DMARC", rights=("ses:GetEmailIdentity",), run=_run)

"""The MAIL FROM domain: SES uses it, and bounces reach SES."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus_cli.doctor import elsewhere
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem, unchecked, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.dns import Answer
    from mailbus_cli.doctor.facts import Facts

_WHY: Final = {
    "PENDING": "SES is still looking for its MX record, for up to 72 hours",
    "FAILED": "SES did not find its MX record for 72 hours, and has given up",
    "TEMPORARY_FAILURE": "SES could not look for its MX record just now, and tries again",
}


def judge_setting(identity: str, attributes: Mapping[str, Any], expected: str | None) -> Verdict:
    """Judge the MailFromAttributes of an identity; `expected` is the domain of the settings.

    https://docs.aws.amazon.com/ses/latest/dg/mail-from.html
    """
    domain = attributes.get("MailFromDomain") or None
    command = (
        f"aws sesv2 put-email-identity-mail-from-attributes --email-identity {identity}"
        f" --mail-from-domain {expected or domain}"
    )
    if expected and domain != expected:
        return problem(
            f"the settings have {expected}, but SES has {domain or 'none'}",
            fix="set it again",
            record=command,
        )
    if domain is None:
        return ok(
            "SES's own domain (amazonses.com), whose SPF passes but is not yours; DMARC rests on DKIM. "
            "mail_from_domain sets one of your own"
        )
    status = str(attributes.get("MailFromDomainStatus", "PENDING"))
    if status == "SUCCESS":
        return ok(f"{domain}: SES uses it")
    text = f"{domain}: {_WHY.get(status, status)}; {_meanwhile(attributes)}"
    fix = "create the MX record" + (", then set it again" if status == "FAILED" else "")
    bad = problem if _refuses(attributes) else warning
    return bad(text, fix=fix, record=command if status == "FAILED" else None)


def judge_mx(domain: str, attributes: Mapping[str, Any], region: str, mx: Answer) -> Verdict:
    """Judge the MX record of a MAIL FROM domain, which must be the only one."""
    host = f"feedback-smtp.{region}.amazonses.com"
    record = f"{domain} MX 10 {host}"
    bad = problem if _refuses(attributes) else warning
    if not mx.known:
        return warning(mx.words)
    hosts = [value.partition(" ")[2].lower() for value in mx.values]
    if not hosts:
        return bad(f"{mx.words}: {_meanwhile(attributes)}", fix="create the record", record=record)
    if host not in hosts:
        return bad(
            f"the MX record of {domain} leads to {', '.join(hosts)}, not to SES in {region}: "
            f"{_meanwhile(attributes)}",
            fix="replace it",
            record=record,
        )
    if len(hosts) > 1:
        return bad(
            f"{domain} has {len(hosts)} MX records, but SES wants its own alone: {_meanwhile(attributes)}",
            fix="delete the others",
            record=record,
        )
    return ok(domain)


def _refuses(attributes: Mapping[str, Any]) -> bool:
    return attributes.get("BehaviorOnMxFailure") == "REJECT_MESSAGE"


def _meanwhile(attributes: Mapping[str, Any]) -> str:
    return (
        "SES refuses mail (BehaviorOnMxFailure is REJECT_MESSAGE)"
        if _refuses(attributes)
        else "SES falls back to amazonses.com, and SPF does not align"
    )


def _run(facts: Facts) -> Verdict:
    if facts.ses_role:
        return elsewhere.unchecked_account(facts.ses_role)
    name = facts.output("Identity")
    if name is None:
        return elsewhere.old_deployment("Identity")
    identity = elsewhere.or_none(facts, name)
    if identity is None:
        return unchecked(f"{name} is not an identity of SES")
    attributes = identity.get("MailFromAttributes") or {}
    setting = judge_setting(name, attributes, facts.output("MailFromDomain"))
    domain = attributes.get("MailFromDomain")
    if not domain:
        return setting
    if facts.resolver is None:
        mx = unchecked(f"the laptop has no DNS for {domain}")
    else:
        mx = judge_mx(domain, attributes, facts.ses_region, facts.resolver.look_up(domain, "MX"))
    return combined([setting, mx], fine=setting.text)


CHECK: Final = Check(name="mail-from", title="MAIL FROM", rights=("ses:GetEmailIdentity",), run=_run)

"""SES signs with DKIM, and receivers find the keys in DNS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus_cli import side_by_side
from mailbus_cli.dns import Outcome
from mailbus_cli.doctor import elsewhere, records
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem, unchecked, warning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailbus_cli.dns import Answer
    from mailbus_cli.doctor.facts import Facts

# a key of one's own (BYODKIM)
OWN_KEY: Final = "EXTERNAL"
ZONE: Final = "dkim.amazonses.com"
# a zone of SES: some regions have one of their own, such as dkim.af-south-1.amazonses.com
SUFFIX: Final = ".amazonses.com"
_WHY: Final = {
    "PENDING": "SES is still looking for the keys in DNS, for up to 72 hours",
    "FAILED": "SES did not find the keys in DNS for 72 hours, and has given up",
    "TEMPORARY_FAILURE": "SES could not look for the keys just now, and tries again",
    "NOT_STARTED": "DKIM was not set up",
}


def judge_signing(domain: str, dkim: Mapping[str, Any]) -> Verdict:
    """Judge the DkimAttributes of an identity.

    https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_DkimAttributes.html
    """
    status = str(dkim.get("Status", "NOT_STARTED"))
    if status != "SUCCESS":
        origin = str(dkim.get("SigningAttributesOrigin") or "AWS_SES")
        again = status == "FAILED" and origin != OWN_KEY
        return problem(
            f"{domain}: {_WHY.get(status, status)}",
            fix=f"create the records that are missing{', then start again by the command' if again else ''}",
            record=f"aws sesv2 put-email-identity-dkim-signing-attributes --email-identity {domain}"
            f" --signing-attributes-origin {origin}"
            if again
            else None,
        )
    if not dkim.get("SigningEnabled"):
        return problem(
            f"{domain}: SES does not sign, though it could",
            fix="turn signing on",
            record="aws sesv2 put-email-identity-dkim-attributes --signing-enabled"
            f" --email-identity {domain}",
        )
    return ok(f"{domain}: SES signs")


def judge_key(token: str, domain: str, zone: str, cname: Answer, txt: Answer) -> Verdict:
    """Judge what DNS has for a token of Easy DKIM: a CNAME to SES, or the key itself."""
    name = f"{token}._domainkey.{domain}"
    record = f"{name} CNAME {token}.{zone}"
    if not (cname.known and txt.known):
        return warning((txt if cname.known else cname).words)
    for target in cname.values:
        wanted, found = f"{token}.".lower(), target.lower()
        if not (found.startswith(wanted) and found.endswith(SUFFIX)):
            return problem(f"{name} leads to {target}, not to SES", fix="correct the record", record=record)
    if any(records.is_key(value) for value in txt.values):
        return ok(name)
    if cname.outcome is Outcome.FOUND:
        return problem(
            f"{name} leads to {cname.values[0]}, which has no key",
            fix="compare it with the token that SES shows, and correct it",
            record=record,
        )
    return problem(cname.words, fix="create the record", record=record)


def judge_own_key(selector: str, domain: str, txt: Answer) -> Verdict:
    """Judge what DNS has for a selector of a key of one's own (BYODKIM)."""
    name = f"{selector}._domainkey.{domain}"
    if not txt.known:
        return warning(txt.words)
    if any(records.is_key(value) for value in txt.values):
        return ok(name)
    return problem(f"{name} has no key", fix="create the TXT record with your public key")


def _run(facts: Facts) -> Verdict:
    if facts.ses_role:
        return elsewhere.unchecked_account(facts.ses_role)
    domains = [name for name in facts.identities if "@" not in name]
    if not domains:
        return unchecked("no identity of the stage is a domain; the domain of an address signs for it")
    found = side_by_side.each(lambda domain: _domain(facts, domain), domains)
    return combined(
        (verdict for verdicts in found for verdict in verdicts), fine=f"{', '.join(domains)}: SES signs"
    )


def _domain(facts: Facts, domain: str) -> list[Verdict]:
    identity = elsewhere.or_none(facts, domain)
    if identity is None:
        return [problem(f"{domain} is not an identity of SES", fix="see the check identity")]
    dkim = identity.get("DkimAttributes") or {}
    signing = judge_signing(domain, dkim)
    if facts.resolver is None:
        return [signing, unchecked(f"the laptop has no DNS for {domain}")]
    resolver = facts.resolver
    tokens: Sequence[str] = dkim.get("Tokens") or []
    names = [f"{token}._domainkey.{domain}" for token in tokens]
    texts = resolver.look_up_each([*((name, "CNAME") for name in names), *((name, "TXT") for name in names)])
    cnames, keys = texts[: len(names)], texts[len(names) :]
    if dkim.get("SigningAttributesOrigin") == OWN_KEY:
        return [
            signing,
            *(judge_own_key(token, domain, txt) for token, txt in zip(tokens, keys, strict=True)),
        ]
    zone = str(dkim.get("SigningHostedZone") or _zone(facts, domain))
    return [
        signing,
        *(
            judge_key(token, domain, zone, cname, txt)
            for token, cname, txt in zip(tokens, cnames, keys, strict=True)
        ),
    ]


def _zone(facts: Facts, domain: str) -> str:
    """Return the zone of SES's keys, as the stack's records have it."""
    for record in (*facts.numbered("DkimRecord"), *facts.numbered("InboundDkimRecord")):
        name, _, value = record.partition(" CNAME ")
        if name.endswith(f"._domainkey.{domain}"):
            return value.partition(".")[2]
    return ZONE


CHECK: Final = Check(name="dkim", title="DKIM", rights=("ses:GetEmailIdentity",), run=_run)

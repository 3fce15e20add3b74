"""The domain of tracked links leads to SES, which uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.checks.sending import configuration_set
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem, unchecked, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.dns import Answer
    from mailbus_cli.doctor.facts import Facts


def judge(record: str, cname: Answer) -> Verdict:
    """Judge what DNS has for a record of the stack, `<name> CNAME <host>`."""
    domain, _, host = record.partition(" CNAME ")
    if not cname.known:
        return warning(cname.words)
    if not cname.values:
        # a content delivery network in between, which HTTPS needs, may have addresses instead
        return warning(
            f"{cname.words}: links in mail lead nowhere, unless another server passes them on",
            fix="create the record",
            record=record,
        )
    if cname.values[0].lower() == host.lower() or "cloudfront" in cname.values[0].lower():
        return ok(f"{domain} leads to {cname.values[0]}")
    return problem(f"{domain} leads to {cname.values[0]}, not to SES", fix="correct it", record=record)


def judge_set(name: str, domain: str, found: Mapping[str, Any] | None) -> Verdict:
    """Judge the answer of GetConfigurationSet, None if there is no such set: whether it has the domain."""
    used = ((found or {}).get("TrackingOptions") or {}).get("CustomRedirectDomain")
    if used == domain:
        return ok(domain)
    return warning(
        f"{name} does not use {domain} yet, but {used or 'a domain of SES'}: it is set within 15 minutes "
        "once SES has verified it",
        fix="verify it in SES, or the domain above it, as by the DKIM records of the identity",
    )


def _run(facts: Facts) -> Verdict:
    expected = facts.numbered("RedirectRecord")
    if not expected:
        return unchecked("links are tracked by SES's own domain")
    domain = expected[0].partition(" ")[0]
    name = facts.configuration_sets[0]
    used = judge_set(name, domain, configuration_set(facts, name))
    if facts.resolver is None:
        return used if used.level != "ok" else unchecked(f"the laptop has no DNS for {domain}")
    leads = judge(expected[0], facts.resolver.look_up(domain, "CNAME"))
    return combined([leads, used], fine=leads.text)


CHECK: Final = Check(
    name="tracking-domain", title="Tracking domain", rights=("ses:GetConfigurationSet",), run=_run
)

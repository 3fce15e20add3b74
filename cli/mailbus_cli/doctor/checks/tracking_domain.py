"""The domain of tracked links leads to SES."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, ok, problem, unchecked, warning

if TYPE_CHECKING:
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


def _run(facts: Facts) -> Verdict:
    expected = facts.numbered("RedirectRecord")
    if not expected:
        return unchecked("links are tracked by SES's own domain")
    domain = expected[0].partition(" ")[0]
    if facts.resolver is None:
        return unchecked(f"the laptop has no DNS for {domain}")
    return judge(expected[0], facts.resolver.look_up(domain, "CNAME"))


CHECK: Final = Check(name="tracking-domain", title="Tracking domain", run=_run)

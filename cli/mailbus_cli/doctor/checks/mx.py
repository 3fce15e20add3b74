"""The MX records of the receiving domains lead to SES."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem, unchecked, warning

if TYPE_CHECKING:
    from mailbus_cli.dns import Answer
    from mailbus_cli.doctor.facts import Facts

# below a domain whose record is for all names below it
ANY_NAME: Final = "mailbus-doctor"


def judge(record: str, mx: Answer) -> Verdict:
    """Judge what DNS has for a record of the stack, `<name> MX 10 <host>`."""
    domain, _, value = record.partition(" MX ")
    host = value.partition(" ")[2].lower()
    if not mx.known:
        return warning(mx.words)
    hosts = {each.partition(" ")[2].lower(): int(each.partition(" ")[0]) for each in mx.values}
    if not hosts:
        return problem(f"{mx.words}: no mail arrives", fix="create the record", record=record)
    if host not in hosts:
        return problem(
            f"the MX record of {domain} leads to {', '.join(hosts)}, not to SES",
            fix="replace it",
            record=record,
        )
    others = [other for other, preference in hosts.items() if other != host and preference <= hosts[host]]
    if others:
        return warning(
            f"mail for {domain} goes to {', '.join(others)} first, or as often",
            fix="delete that record, or give it a higher number",
            record=record,
        )
    return ok(domain)


def _run(facts: Facts) -> Verdict:
    expected = facts.numbered("MxRecord")
    if not expected:
        return unchecked("the stage receives no mail")
    domains = [record.partition(" ")[0] for record in expected]
    resolver = facts.resolver
    if resolver is None:
        return unchecked(f"the laptop has no DNS for {', '.join(domains)}")
    answers = resolver.look_up_each([(domain.replace("*", ANY_NAME, 1), "MX") for domain in domains])
    verdicts = [judge(record, answer) for record, answer in zip(expected, answers, strict=True)]
    return combined(verdicts, fine=f"{', '.join(domains)}: to SES")


CHECK: Final = Check(name="mx", title="MX", run=_run)

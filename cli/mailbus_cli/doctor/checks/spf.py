"""SPF allows SES to send for the MAIL FROM domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailbus_cli.doctor import elsewhere, records
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, ok, problem, unchecked, warning

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus_cli.dns import Answer
    from mailbus_cli.doctor.facts import Facts

SES: Final = "amazonses.com"
# https://www.rfc-editor.org/rfc/rfc7208#section-4.6.4
MOST_LOOKUPS: Final = 10
RECORD: Final = '"v=spf1 include:amazonses.com ~all"'


def judge(domain: str, txt: Answer, lookups: Callable[[str], int]) -> Verdict:
    """Judge the SPF record of a MAIL FROM domain; `lookups` counts those of a record, with its references."""
    if not txt.known:
        return warning(txt.words)
    found = records.spf_records(txt.values)
    if not found:
        return problem(
            f"{domain} has no SPF record", fix="create the record", record=f"{domain} TXT {RECORD}"
        )
    if len(found) > 1:
        return problem(
            f"{domain} has {len(found)} SPF records, which is an error to receivers",
            fix="make them one record",
        )
    return _judge_record(domain, found[0], lookups)


def _judge_record(domain: str, record: str, lookups: Callable[[str], int]) -> Verdict:
    if unknown := records.unknown_terms(record):
        return problem(
            f"the SPF record of {domain} is invalid at {unknown[0]!r}",
            fix="correct it",
            record=f"{domain} TXT {RECORD}",
        )
    if not records.includes(record, SES):
        first, *others = record.split()
        return problem(
            f"the SPF record of {domain} does not include SES",
            fix="add include:amazonses.com",
            record=f'{domain} TXT "{" ".join([first, "include:amazonses.com", *others])}"',
        )
    if (count := lookups(record)) > MOST_LOOKUPS:
        return problem(
            f"the SPF record of {domain} takes {count} lookups in DNS; over {MOST_LOOKUPS} are an error",
            fix="remove what no longer sends",
        )
    if any(term.lower() in {"all", "+all"} for term in record.split()):
        return warning(f"the SPF record of {domain} allows everybody (+all)", fix="end it with ~all")
    return ok(f"{domain} allows SES")


def count_lookups(record: str, look_up: Callable[[str], Answer], *, most: int = MOST_LOOKUPS) -> int:
    """Return the lookups of an SPF record and of those it refers to; counting ends over `most`."""
    count, left = 0, [record]
    while left and count <= most:
        now = left.pop()
        count += records.lookups(now)
        if count <= most:
            for name in records.references(now):
                left += records.spf_records(look_up(name).values)
    return count


def _run(facts: Facts) -> Verdict:
    if facts.ses_role:
        return elsewhere.unchecked_account(facts.ses_role)
    name = facts.output("Identity")
    if name is None:
        return elsewhere.old_deployment("Identity")
    identity = elsewhere.or_none(facts, name) or {}
    domain = (identity.get("MailFromAttributes") or {}).get("MailFromDomain")
    if not domain:
        return ok("SES's own MAIL FROM domain (amazonses.com) allows SES")
    resolver = facts.resolver
    if resolver is None:
        return unchecked(f"the laptop has no DNS for {domain}")
    return judge(
        domain,
        resolver.look_up(domain, "TXT"),
        lambda record: count_lookups(record, lambda one: resolver.look_up(one, "TXT")),
    )


CHECK: Final = Check(name="spf", title="SPF", rights=("ses:GetEmailIdentity",), run=_run)

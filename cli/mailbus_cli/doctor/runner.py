"""Runs the checks side by side, bounded in time; what goes wrong with one is a finding of its own."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Final

from mailbus.spelling import nearest
from mailbus_cli import dns, side_by_side
from mailbus_cli.doctor import rights
from mailbus_cli.doctor.facts import Facts
from mailbus_cli.doctor.registry import CHECKS
from mailbus_cli.doctor.verdict import Finding, warning
from mailbus_cli.errors import UsageError
from mailbus_cli.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailbus_cli.deployment import Deployment
    from mailbus_cli.dns import Resolver
    from mailbus_cli.doctor.check import Check
    from mailbus_cli.doctor.verdict import Verdict

#: From the start of the run.
SECONDS: Final = 25.0


def run(deployment: Deployment, *, only: Iterable[str] = (), skip: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Check a deployment, by `only` these checks if there are any, and not those of `skip`.

    The findings are in the order of the checks. Raises `UsageError` if there is no check of a name.
    """
    checks = chosen(CHECKS, only=[*only], skip=[*skip])
    return run_checks(checks, Facts(deployment, _resolver(deployment)))


def chosen(checks: Sequence[Check], *, only: Sequence[str], skip: Sequence[str]) -> list[Check]:
    """Return the checks of the names in `only`, or all, without those of `skip`. Raises `UsageError`."""
    names = [check.name for check in checks]
    for name in (*only, *skip):
        if name not in names:
            near = nearest(name, names)
            reason = f"there is no check {name}"
            raise UsageError(reason, hint=f"did you mean {near}?" if near else f"checks: {', '.join(names)}")
    return [check for check in checks if (not only or check.name in only) and check.name not in skip]


def run_checks(checks: Sequence[Check], facts: Facts, *, seconds: float = SECONDS) -> tuple[Finding, ...]:
    """Run checks on a deployment's facts, each in a thread of its own."""
    deadline = time.monotonic() + seconds
    running = [
        (check, side_by_side.started(functools.partial(_answer, check, facts), name=check.name))
        for check in checks
    ]
    found = []
    for check, future in running:
        try:
            verdict = future.result(timeout=max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            verdict = warning(
                f"cannot be checked: it took over {seconds:.0f} s", fix="run `mailbus doctor` again"
            )
        found.append(_finding(check, verdict))
    return tuple(found)


def _answer(check: Check, facts: Facts) -> Verdict:
    try:
        return check.run(facts)
    except Exception as error:  # noqa: BLE001 - one check must not end the others
        return rights.verdict_on(error, check.rights)


def _finding(check: Check, verdict: Verdict) -> Finding:
    """Return what is shown: names and reasons may come from mail and from DNS, which may hold anything."""
    return Finding(
        check=check.name,
        title=check.title,
        level=verdict.level,
        text=printable(verdict.text),
        fix=printable(verdict.fix) if verdict.fix else None,
        record="\n".join(map(printable, verdict.record.splitlines())) if verdict.record else None,
        checked=verdict.checked,
    )


def _resolver(deployment: Deployment) -> Resolver | None:
    """Return who is asked for DNS records: nobody for the system on this machine, whose domains have none."""
    return dns.given() if deployment.is_local else dns.resolver()

"""No alarm of the stage rings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus.stages import alarm_description
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, ok, problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mailbus_cli.doctor.facts import Facts

FIX: Final = "docs/runbook.md, “Alarms”"


def judge(found: Sequence[tuple[str, datetime]]) -> Verdict:
    """Judge the alarms that ring, each since a time."""
    if not found:
        return ok("none rings")
    named = ", ".join(f"{name} (since {since:%Y-%m-%d %H:%M} UTC)" for name, since in sorted(found))
    return problem(named, fix=FIX)


def of_stage(alarms: Sequence[Mapping[str, Any]], stage: str) -> list[tuple[str, datetime]]:
    """Return the names of a stage's alarms, and since when they are in their state."""
    prefix = alarm_description(stage, "", "").partition(":")[0]
    return [
        (description.removeprefix(prefix).partition(":")[0], alarm["StateUpdatedTimestamp"])
        for alarm in alarms
        if (description := str(alarm.get("AlarmDescription") or "")).startswith(prefix)
    ]


def ringing(facts: Facts) -> list[tuple[str, datetime]]:
    """Return the alarms of the stage that ring, each since a time."""
    found: list[Mapping[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = facts.read(
            "cloudwatch", "describe_alarms", StateValue="ALARM", AlarmTypes=["MetricAlarm"], **token
        )
        found += page.get("MetricAlarms", [])
        if not page.get("NextToken"):
            break
        token = {"NextToken": page["NextToken"]}
    return of_stage(found, facts.deployment.stage)


def _run(facts: Facts) -> Verdict:
    return judge(ringing(facts))


CHECK: Final = Check(name="alarms", title="Alarms", rights=("cloudwatch:DescribeAlarms",), run=_run)

"""The bus exists, since events that are put on a missing one are lost without an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from mailbus_cli.doctor import elsewhere
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts


def judge_bus(name: str, bus: Mapping[str, Any] | None) -> Verdict:
    """Judge the bus; None if it does not exist."""
    if bus is None:
        return problem(f"the bus {name} does not exist: all events are lost", fix="deploy the stage again")
    return ok(name)


def judge_archive(name: str, archive: Mapping[str, Any] | None) -> Verdict:
    """Judge the archive of the bus; None if it does not exist."""
    state = "missing" if archive is None else str(archive.get("State") or "ENABLED")
    if state in {"ENABLED", "UPDATING", "CREATING"}:
        return ok(name)
    return warning(
        f"the archive {name} is {state}: what happens now cannot be replayed", fix="deploy the stage again"
    )


def _run(facts: Facts) -> Verdict:
    bus, archive = facts.output("EventBusName"), facts.output("EventArchiveName")
    if bus is None:
        return elsewhere.old_deployment("EventBusName")
    verdicts = [judge_bus(bus, _or_none(facts, "describe_event_bus", Name=bus))]
    if archive:
        verdicts.append(judge_archive(archive, _or_none(facts, "describe_archive", ArchiveName=archive)))
    return combined(verdicts, fine=f"{bus}{', with its archive' if archive else ''}")


def _or_none(facts: Facts, operation: str, **parameters: str) -> Mapping[str, Any] | None:
    try:
        return facts.read("events", operation, **parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return None


CHECK: Final = Check(
    name="event-bus",
    title="Event bus",
    rights=("events:DescribeEventBus", "events:DescribeArchive"),
    run=_run,
)

"""No lane is paused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailbus.ledger.lanes import RATE_KEY, paused_events
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem
from mailbus_cli.lanes import since

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus.events import LaneEvent
    from mailbus_cli.doctor.facts import Facts

FINE: Final = "neither is paused"


def judge(paused: Sequence[LaneEvent], option: str) -> Verdict:
    """Judge the lanes that are paused; `option` chooses the stage on the command line."""
    verdicts = [
        problem(
            f"the {event.lane} lane is paused {since(event)}: its jobs wait",
            fix="fix the reason, then resume: docs/guard.md",
            record=f"mailbus resume {event.lane} {option}",
        )
        for event in paused
    ]
    return combined(verdicts, fine=FINE) if verdicts else ok(FINE)


def read(facts: Facts) -> tuple[LaneEvent, ...]:
    """Return the event of each lane that is paused."""
    table = facts.deployment.output("LedgerTableName")
    answer = facts.read(
        "dynamodb", "batch_get_item", RequestItems={table: {"Keys": [RATE_KEY], "ConsistentRead": True}}
    )
    return tuple(event for item in answer["Responses"].get(table, ()) for event in paused_events(item))


def _run(facts: Facts) -> Verdict:
    return judge(read(facts), facts.deployment.option)


CHECK: Final = Check(name="lanes", title="Lanes", rights=("dynamodb:BatchGetItem",), run=_run)

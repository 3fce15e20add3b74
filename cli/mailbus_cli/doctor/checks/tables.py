"""The tables of the ledger and of the timeline can be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts

# what stops without the table
TABLES: Final = {
    "LedgerTableName": ("ledger", "no job is sent"),
    "TimelineTableName": ("timeline", "it is empty"),
}
# while a table changes it can be written
WORKS: Final = frozenset({"ACTIVE", "UPDATING"})


def judge(name: str, table: Mapping[str, Any] | None, without: str) -> Verdict:
    """Judge a table, None if it does not exist; `without` is what happens without it."""
    state = "missing" if table is None else str(table.get("TableStatus") or "ACTIVE")
    if state in WORKS:
        return ok(name)
    return problem(f"the table of the {name} is {state}: {without}", fix="deploy the stage again")


def _run(facts: Facts) -> Verdict:
    found = {name: facts.output(output) for output, (name, _) in TABLES.items()}
    effects = dict(TABLES.values())
    verdicts = [judge(name, _table(facts, table), effects[name]) for name, table in found.items() if table]
    return combined(verdicts, fine=", ".join(name for name, table in found.items() if table))


def _table(facts: Facts, name: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = facts.read("dynamodb", "describe_table", TableName=name)["Table"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return None
    return found


CHECK: Final = Check(name="tables", title="Tables", rights=("dynamodb:DescribeTable",), run=_run)

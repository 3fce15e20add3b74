"""The functions can be invoked, and their last update succeeded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from mailbus_cli.doctor import elsewhere
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts

# Inactive is none of them: an idle function becomes that after weeks, and active when it is invoked
BROKEN: Final = frozenset({"Failed", "Deactivating", "Deactivated", "ActiveNonInvocable", "Deleting"})


def judge(name: str, function: Mapping[str, Any] | None) -> Verdict:
    """Judge the configuration of a function; None if it does not exist.

    https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
    """
    if function is None:
        return problem(f"the function {name} does not exist", fix="deploy the stage again")
    state, update = (
        str(function.get("State") or "Active"),
        str(function.get("LastUpdateStatus") or "Successful"),
    )
    if state in BROKEN:
        return problem(
            f"the function {name} is {state}{_reason(function, 'StateReason')}", fix="deploy the stage again"
        )
    if update == "Failed":
        return problem(
            f"the last update of {name} failed{_reason(function, 'LastUpdateStatusReason')}: the code or "
            "settings before it run",
            fix="deploy the stage again",
        )
    if update == "InProgress" or state == "Pending":
        return warning(f"{name} is being updated", fix="run `mailbus doctor` again in a minute")
    return ok(name)


def _reason(function: Mapping[str, Any], key: str) -> str:
    return f" ({function[key]})" if function.get(key) else ""


def _run(facts: Facts) -> Verdict:
    if not facts.functions:
        return elsewhere.old_deployment("SenderFunctionName")
    verdicts = [judge(name, _function(facts, function)) for name, function in facts.functions.items()]
    return combined(verdicts, fine=f"{', '.join(facts.functions)}: active")


def _function(facts: Facts, name: str) -> Mapping[str, Any] | None:
    try:
        return facts.function(name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return None


CHECK: Final = Check(
    name="functions", title="Functions", rights=("lambda:GetFunctionConfiguration",), run=_run
)

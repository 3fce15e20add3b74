"""What holds state, or is named by what is stored, stays the same resource from version to version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.infra.kept_resources import LOSSES, PARAMETER_LOSS, kept, lost, names
from tests.infra.variants import variant

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus_cdk.settings import Settings
    from tests.infra.templates import Templates

# As deployed today. A line changes only with a migration that keeps what `LOSSES` says would be lost.
FILE = Path(__file__).with_name("kept_resources.json")
DEPLOYED: dict[str, Any] = json.loads(FILE.read_text())


@pytest.fixture(scope="module")
def everything(synthesize: Callable[[Settings], Templates]) -> Templates:
    return synthesize(variant("everything", "us-east-1"))


def _replaced(deployed: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]) -> list[str]:
    """Return a line for each resource that is not the same any more: how it was, and what is lost."""
    lines = []
    for name, was in deployed.items():
        if now.get(name) != was:
            what = lost(name.partition("/")[0], was["type"], was["path"])
            lines.append(f"{name} ({was['path']}): {what}. It was {was} and is {now.get(name)}")
    return lines


def test_nothing_that_holds_state_is_replaced(everything: Templates) -> None:
    assert _replaced(DEPLOYED["resources"], kept(everything)) == []


def test_a_new_resource_that_holds_state_is_written_down(everything: Templates) -> None:
    new = {name: found for name, found in kept(everything).items() if name not in DEPLOYED["resources"]}
    assert new == {}, f"add them to {FILE.name}"


def test_no_parameter_that_programs_look_up_is_gone(everything: Templates) -> None:
    gone = {name: PARAMETER_LOSS for name in DEPLOYED["parameters"] if name not in names(everything)}
    assert gone == {}


@pytest.mark.parametrize(
    ("change", "loss"),
    [
        (lambda table: table | {"KeySchema": []}, "mails are sent twice: what was sent is forgotten"),
        (lambda _table: None, "mails are sent twice: what was sent is forgotten"),
    ],
    ids=["another key", "another logical id"],
)
def test_a_replaced_ledger_fails_with_what_would_be_lost(change: Callable[[Any], Any], loss: str) -> None:
    (name,) = [name for name, was in DEPLOYED["resources"].items() if was["path"] == "State/Ledger/Table"]
    changed = {**DEPLOYED["resources"], name: change(DEPLOYED["resources"][name])}
    (line,) = _replaced(DEPLOYED["resources"], changed)
    assert line.startswith(f"{name} (State/Ledger/Table): {loss}. It was {{'type': 'AWS::DynamoDB::Table', ")


def test_each_loss_is_of_a_resource_that_is_there() -> None:
    found = {
        lost(name.partition("/")[0], was["type"], was["path"]) for name, was in DEPLOYED["resources"].items()
    }
    assert found == set(LOSSES.values())


NAMED_BY_SCHEDULES = (
    "Mail/Sending/Scheduling/Role",
    "Mail/Sending/Transactional/Queue",
    "Mail/Sending/Bulk/Queue",
    "Mail/Sending/DeadLetters/Queue",
)


def test_what_stored_schedules_name_has_a_name_that_cloudformation_makes_of_its_logical_id() -> None:
    for path in NAMED_BY_SCHEDULES:
        (was,) = [was for was in DEPLOYED["resources"].values() if was["path"] == path]
        assert set(was) == {"type", "path"}, "a property that only creation sets would be another name"


def test_two_stages_of_one_account_share_no_name(
    synthesize: Callable[[Settings], Templates], everything: Templates
) -> None:
    dev = synthesize(variant("the least", "us-east-1", stage="dev"))
    assert not set(names(dev)) & set(names(everything))
    fixed = [
        {
            str(value)
            for was in kept(templates).values()
            for key, value in was.items()
            if key.endswith("Name") and isinstance(value, str)
        }
        for templates in (dev, everything)
    ]
    assert "mailbus-dev" in fixed[0]
    assert not fixed[0] & fixed[1]

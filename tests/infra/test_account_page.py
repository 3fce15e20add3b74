"""docs/account.md: what it deploys is in the templates, and AWS has the commands that it names."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import pytest

from mailbus_cdk.settings import Settings
from tests.architecture.source_tree import ROOT
from tests.infra.aws_commands import Command, commands, wrong

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.infra.templates import Templates

PAGE = (ROOT / "docs/account.md").read_text(encoding="utf-8")
COMMANDS = [command for command in commands(PAGE) if command.service == "sesv2"]


@pytest.fixture(scope="module")
def deployed(synthesize: Callable[[Settings], Templates]) -> Templates:
    (written,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return synthesize(Settings(stage="prod", **tomllib.loads(written)["stages"]["prod"]))


def test_the_table_of_stacks_has_each_with_the_number_of_its_resources(deployed: Templates) -> None:
    documented = dict(re.findall(r"^\| `mailbus-prod-(\w+)` \| (\d+) \|", PAGE, re.MULTILINE))

    assert documented == {name: str(len(raw["Resources"])) for name, raw in deployed.raw.items()}


def test_the_table_of_dns_records_has_each_with_its_type(deployed: Templates) -> None:
    table = re.findall(r"^\| (`\w+Record.*?) \| ([A-Z, ]+) \|", PAGE, re.MULTILINE)
    documented: dict[str, str] = {}
    for cell, cells_types in table:
        names, types = re.findall(r"`(\w+)`", cell), cells_types.split(", ")
        documented |= zip(names, types if len(types) > 1 else types * len(names), strict=True)

    outputs = deployed.raw["mail"]["Outputs"]
    assert sorted(documented) == sorted(name for name in outputs if "Record" in name)
    for name, kind in documented.items():
        assert f" {kind} " in str(outputs[name]["Value"]), name


def test_the_deployment_adds_permissions_which_the_cdk_asks_about(deployed: Templates) -> None:
    assert deployed.of_type("AWS::IAM::Role")


def test_the_page_has_the_commands_of_ses() -> None:
    assert [command.operation for command in COMMANDS] == [
        "get-email-identity",
        "create-email-identity",
        "put-account-details",
    ]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.operation)
def test_a_command_of_ses_has_its_options(command: Command) -> None:
    assert wrong(command) is None

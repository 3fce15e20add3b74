"""The pages on the deployment: their tables are those of the code, and the CDK example synthesizes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import pytest

from mailbus.aws import call_errors
from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.tables import Webhook
from tests.architecture.source_tree import ROOT
from tests.infra.rights import TO_READ_STATUS, TO_SEND

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.infra.templates import Templates

PAGE = (ROOT / "docs/deploy.md").read_text()
STACKS = (ROOT / "docs/stacks.md").read_text()
RECEIVING = (ROOT / "docs/receiving.md").read_text()


def _rows(page: str, heading: str) -> list[list[str]]:
    """Return the rows of the page's table with this first heading, cell by cell."""
    table = page.partition(f"\n| {heading} |")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()[2:]]


def test_the_example_of_rules_is_valid(tmp_path: Path) -> None:
    example, _ = re.findall(r"^```toml\n(.*?)^```", RECEIVING, re.DOTALL | re.MULTILINE)
    path = tmp_path / "mailbus.toml"
    path.write_text(f'region = "us-east-1"\nidentity = "example.com"\n{example}')
    assert [(rule.name, rule.action, rule.stop) for rule in Settings.load(path, "prod").inbound.rules] == [
        ("noreply", "bounce", False),
        ("alerts", "sns", True),
        ("store", "s3", False),
    ]


def test_the_example_of_a_shared_rule_set_is_valid(tmp_path: Path) -> None:
    _, example = re.findall(r"^```toml\n(.*?)^```", RECEIVING, re.DOTALL | re.MULTILINE)
    path = tmp_path / "mailbus.toml"
    path.write_text(f'region = "us-east-1"\nidentity = "example.com"\n{example}')
    assert [Settings.load(path, stage).rule_set for stage in ("dev", "prod")] == ["all-stages", "all-stages"]


def test_both_pages_and_the_clients_errors_name_the_same_rights_to_send() -> None:
    granted = {action for action, _ in TO_SEND}
    table = (
        (ROOT / "docs/client.md").read_text().partition("\n| right | on | for |\n")[2].partition("\n\n")[0]
    )
    source = (ROOT / "functions/mailbus/aws/call_errors.py").read_text()
    assert set(re.findall(r"^\| `([a-z0-9]+:[A-Za-z]+)` \|", table, re.MULTILINE)) == granted
    assert set(re.findall(r'Final = "([a-z0-9]+:[A-Za-z]+) on the', source)) == granted
    (documented,) = re.findall(
        r"^An application that sends needs (.*?)`Mailbus.grant_send`", STACKS, re.DOTALL | re.MULTILINE
    )
    assert set(re.findall(r"`([a-z0-9]+:[A-Z][A-Za-z]+)`", documented)) == granted


def test_the_page_and_the_readers_errors_name_the_same_rights_to_read_the_timeline() -> None:
    granted = {action for action, _ in TO_READ_STATUS}
    (documented,) = re.findall(
        r"timeline\.md#read-it-in-an-application\) needs(.*?)`Mailbus", STACKS, re.DOTALL
    )
    assert set(re.findall(r"`([a-z0-9]+:[A-Z][A-Za-z]+)`", documented)) == granted
    named = re.findall(r"[a-z]+:[A-Z][A-Za-z]+", f"{call_errors.READ_TIMELINE} {call_errors.FIND}")
    assert set(named) == granted


@pytest.fixture(scope="module")
def all_of_it(synthesize: Callable[[Settings], Templates], settings: Settings) -> Templates:
    """Return a deployment with every output."""
    return synthesize(
        msgspec.structs.replace(
            settings,
            other_identities=("example.net",),
            other_configuration_sets=("newsletters",),
            mail_from_domain="bounces.example.com",
            dmarc_policy="none",
            tracking=msgspec.structs.replace(settings.tracking, custom_redirect_domain="links.example.com"),
            inbound=msgspec.structs.replace(settings.inbound, domains=("example.org",), encrypt=True),
            webhook=Webhook(topic_arns=("arn:aws:sns:eu-west-1:444455556666:mail-events",)),
        )
    )


@pytest.mark.parametrize("stack", ["state", "mail", "receiving", "webhook"])
def test_the_page_has_every_output_with_its_stack(all_of_it: Templates, stack: str) -> None:
    documented = {
        name
        for cells in _rows(STACKS, "output")
        if cells[1].partition(",")[0] == stack
        for name in re.findall(r"`([A-Z][A-Za-z0-9]+)`", cells[0])
    }
    # The CDK adds outputs for references between stacks.
    own = [name for name in all_of_it.outputs(stack) if not name.startswith("PublishOutput")]
    actual = {name.rstrip("123") for name in own}
    if stack == "mail":
        # without these the identity is in this account, and has DNS records
        actual |= {"SesRegion", "SesRoleArn"}
    assert {name.rstrip("123") for name in documented} == actual

"""No stack can delete an export that another imports: the orders of deploying in docs/ avoid that.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mailbus_cdk.settings.receiving import Inbound, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mailbus_cdk.settings import Settings
    from tests.infra.templates import Templates

CLEAR = Inbound(domains=("inbound.example.com",))
ENCRYPTED = msgspec.structs.replace(CLEAR, encrypt=True)
IN_NOTIFICATIONS = msgspec.structs.replace(CLEAR, rules=(Rule(name="alerts", action="sns"),))
NONE = Inbound()

ALL = ("state", "mail", "receiving")


@pytest.fixture(scope="module")
def synthesized(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> Callable[[Inbound], dict[str, Any]]:
    return lambda inbound: synthesize(msgspec.structs.replace(settings, inbound=inbound)).raw


def _imported(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(name := value.get("Fn::ImportValue"), str):
            yield name
        for inner in value.values():
            yield from _imported(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _imported(inner)


def _missing(deployed: dict[str, Any]) -> set[str]:
    exported = {
        output["Export"]["Name"]
        for template in deployed.values()
        for output in template.get("Outputs", {}).values()
        if "Export" in output
    }
    return set(_imported(list(deployed.values()))) - exported


ORDERS = {
    "receiving ends, its stack destroyed before": (CLEAR, NONE, ("state", "mail"), ("mail", "state")),
    "encryption begins, SES first": (CLEAR, ENCRYPTED, ALL, ("state", "receiving", "state", "mail")),
    "encryption begins": (CLEAR, ENCRYPTED, ALL, ALL),
    "encryption ends": (ENCRYPTED, CLEAR, ALL, ("receiving", "mail", "state")),
    "no mail comes in notifications any more": (IN_NOTIFICATIONS, CLEAR, ALL, ("receiving", *ALL)),
}


@pytest.mark.parametrize(("before", "after", "standing", "order"), ORDERS.values(), ids=ORDERS)
def test_each_stack_finds_what_it_imports_at_every_step(
    synthesized: Callable[[Inbound], dict[str, Any]],
    before: Inbound,
    after: Inbound,
    standing: tuple[str, ...],
    order: tuple[str, ...],
) -> None:
    former, new = synthesized(before), synthesized(after)
    deployed = {name: former[name] for name in standing}
    assert _missing(deployed) == set()
    for stack in order:
        deployed[stack] = new[stack]
        assert _missing(deployed) == set(), stack


@pytest.mark.parametrize(("before", "after"), [(CLEAR, NONE), (ENCRYPTED, CLEAR)], ids=["domain", "encrypt"])
def test_the_state_stack_cannot_be_deployed_first_if_a_setting_is_removed(
    synthesized: Callable[[Inbound], dict[str, Any]], before: Inbound, after: Inbound
) -> None:
    former = synthesized(before)
    assert _missing({"mail": former["mail"], "state": synthesized(after)["state"]}) != set()

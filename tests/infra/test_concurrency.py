"""How many of Lambda's workers run at a time, and for whom they are reserved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailbus_cdk import limits
from mailbus_cdk.constructs.webhook import WORKERS
from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.receiving import Inbound
from mailbus_cdk.settings.tables import Timeline
from tests.architecture.source_tree import ROOT
from tests.infra.variants import variant

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.infra.templates import Templates

FUNCTION = "AWS::Lambda::Function"
RESERVED = "ReservedConcurrentExecutions"


@pytest.fixture(scope="module")
def reserved(synthesize: Callable[[Settings], Templates]) -> Templates:
    return synthesize(variant("everything", "us-east-1"))


def _workers(templates: Templates) -> dict[str, int]:
    """Return the workers of each function's queues together."""
    found: dict[str, int] = {}
    for mapping in templates.of_type("AWS::Lambda::EventSourceMapping"):
        of = templates.referred(mapping, mapping.properties["FunctionName"]).path
        found[of] = found.get(of, 0) + mapping.properties["ScalingConfig"]["MaximumConcurrency"]
    return found


def test_by_default_nothing_is_reserved_since_new_accounts_have_too_little(prod: Templates) -> None:
    assert [function.path for function in prod.of_type(FUNCTION) if RESERVED in function.properties] == []


def test_each_function_that_reads_queues_has_all_workers_of_its_queues_for_itself(
    reserved: Templates,
) -> None:
    given = {function.path: function.properties.get(RESERVED) for function in reserved.of_type(FUNCTION)}
    workers = _workers(reserved)
    assert {path: given[path] for path in workers} == workers
    # bulk mail cannot take them from urgent mail: each queue has its own part of them
    assert workers["Mail/Sending/Sender/Function"] == 20 + 10


def test_what_anybody_can_call_has_a_limit(reserved: Templates, prod: Templates) -> None:
    given = {function.path: function.properties.get(RESERVED) for function in reserved.of_type(FUNCTION)}
    assert {path: given[path] for path in given if path.startswith("Webhook/")} == {
        "Webhook/Authorizer/Function": 20,
        "Webhook/Receiver/Function": 20,
    }
    assert "AWS::ApiGateway::Stage" not in {resource.type for resource in prod.resources}


def test_every_queue_has_a_limit_of_its_own(prod: Templates) -> None:
    for mapping in prod.of_type("AWS::Lambda::EventSourceMapping"):
        assert 2 <= mapping.properties["ScalingConfig"]["MaximumConcurrency"] <= 10


def test_the_page_says_how_much_is_reserved() -> None:
    settings = Settings(
        stage="prod",
        region="us-east-1",
        identity="example.com",
        inbound=Inbound(domains=("inbound.example.com",)),
        timeline=Timeline(days=30),
    )
    page = (ROOT / "docs/limits.md").read_text()
    reserved = limits.workers(settings) + 2 * WORKERS
    assert f"which are {reserved} with receiving, timeline and webhook." in page

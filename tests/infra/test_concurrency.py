"""How many of Lambda's workers run at a time, and for whom they are reserved."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
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

    from tests.infra.templates import Resource, Templates

LIMITS = (ROOT / "docs/limits.md").read_text(encoding="utf-8")
# what Lambda runs at a time in many new accounts
SMALLEST_ACCOUNT = 10
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


def _limit(mapping: Resource) -> int:
    limit: int = mapping.properties["ScalingConfig"]["MaximumConcurrency"]
    return limit


def test_by_default_nothing_is_reserved_since_new_accounts_have_too_little(prod: Templates) -> None:
    assert [function.path for function in prod.of_type(FUNCTION) if RESERVED in function.properties] == []


def test_each_function_that_reads_queues_has_all_workers_of_its_queues_for_itself(
    reserved: Templates,
) -> None:
    given = {function.path: function.properties.get(RESERVED) for function in reserved.of_type(FUNCTION)}
    workers = _workers(reserved)
    assert {path: given[path] for path in workers} == workers
    assert workers["Mail/Sending/Sender/Function"] == 20 + 10


def test_bulk_mail_at_its_limit_leaves_urgent_mail_its_workers(reserved: Templates) -> None:
    lanes = {
        reserved.text(mapping.stack, mapping.properties["EventSourceArn"]): mapping
        for mapping in reserved.of_type("AWS::Lambda::EventSourceMapping")
    }
    urgent, bulk = (lanes[f"<Mail/Sending/{lane}/Queue>"] for lane in ("Transactional", "Bulk"))
    (sender,) = {reserved.referred(lane, lane.properties["FunctionName"]).path for lane in (urgent, bulk)}
    (function,) = [one for one in reserved.of_type(FUNCTION) if one.path == sender]
    assert function.properties[RESERVED] - _limit(bulk) >= _limit(urgent) > 0


def test_in_an_account_that_runs_ten_functions_each_queue_has_workers_as_the_page_says(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    (advised,) = re.findall(r"until then set all five to (\d+),", LIMITS)
    (total,) = re.findall(r"Together they need (\d+) then", LIMITS)
    tables = ("transactional", "bulk", "tracking", "timeline", "inbound")
    changed = {
        name: msgspec.structs.replace(getattr(settings, name), max_concurrency=int(advised))
        for name in tables
    }
    small = msgspec.structs.replace(settings, reserve_concurrency=False, **changed)
    mappings = synthesize(small).of_type("AWS::Lambda::EventSourceMapping")
    assert len(mappings) == len(tables)
    assert sum(map(_limit, mappings)) == limits.workers(small) == int(total) == SMALLEST_ACCOUNT
    for name in tables:
        with pytest.raises(msgspec.ValidationError, match=">= 2"):
            msgspec.convert({"max_concurrency": int(advised) - 1}, type(getattr(settings, name)))


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
    reserved = limits.workers(settings) + 2 * WORKERS
    assert f"which are {reserved} by default with receiving, timeline and webhook." in LIMITS

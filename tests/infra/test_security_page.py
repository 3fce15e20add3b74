"""docs/security.md is made of the templates and of the reasons why a run uses a right not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import unused_rights
from tests.architecture.source_tree import ROOT
from tests.infra.security_page import NAME, RESOURCES, page

if TYPE_CHECKING:
    from tests.infra.templates import Templates

PAGE = (ROOT / "docs" / NAME).read_text()


def test_the_page_is_up_to_date(local: Templates) -> None:
    assert page(local) == PAGE, "make goldens"


def test_the_page_has_every_function() -> None:
    functions = {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}
    sections = {line.removeprefix("## ") for line in PAGE.splitlines() if line.startswith("## ")}
    assert sections == functions | {"webhook-authorizer", "EventBridge Scheduler"}


def test_every_reason_is_of_a_right(local: Templates) -> None:
    found = {
        unused_rights.find(policy.properties["Roles"][0]["Ref"], action, resource)
        for policy in local.of_type("AWS::IAM::Policy")
        for action, resource in local.rights(policy)
    }
    assert set(unused_rights.UNUSED) <= found


def test_every_named_resource_is_on_the_page() -> None:
    assert [name for name in RESOURCES.values() if name.removeprefix("the ") not in PAGE] == []

"""docs/doctor.md has each check with its rights, and a policy that allows them all."""

from __future__ import annotations

import json
import re

from mailbus_cli.doctor.registry import CHECKS
from mailbus_cli.doctor.runner import SECONDS
from tests.unit.docs.pages import named, page, rows

ROWS = rows("doctor.md", "| check | fine means | otherwise | rights |")


def test_each_check_has_a_row_in_the_order_in_which_they_are_shown() -> None:
    assert [named(row[0]) for row in ROWS] == [[check.name] for check in CHECKS]


def test_a_row_has_the_rights_that_the_check_needs() -> None:
    documented = {named(row[0])[0]: tuple(named(row[3])) for row in ROWS}
    assert documented == {check.name: check.rights for check in CHECKS}


def test_the_policy_allows_what_the_checks_call_and_nothing_else() -> None:
    [policy] = re.findall(r"^```json\n(.*?)^```", page("doctor.md"), re.DOTALL | re.MULTILINE)
    allowed = [action for statement in json.loads(policy)["Statement"] for action in statement["Action"]]
    assert len(allowed) == len({*allowed})
    assert {*allowed} == {right for check in CHECKS for right in check.rights}


def test_the_time_of_a_check_is_the_codes() -> None:
    assert f"over {SECONDS:.0f} seconds" in page("doctor.md")

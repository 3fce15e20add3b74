"""docs/simulated-ses.md: each fact has a source and a test that is there; docs/unknown.md: what happens."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.unit.docs.pages import ROOT, cells_of, named, page

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = ROOT / "tests/unit/mailbus_local/ses"
UNKNOWN = "unknown"
EVIDENCE = re.compile(r"https://(?:github\.com|stackoverflow\.com|repost\.aws)/[\w./-]+\w")


def _rows(name: str, heading: str) -> Iterator[list[str]]:
    """Yield the rows of all tables with this heading row."""
    for _, *rest in (part.splitlines() for part in page(name).split(heading)[1:]):
        yield from cells_of([line for line in "\n".join(rest).partition("\n\n")[0].splitlines()[1:] if line])


@cache
def _functions(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


FACTS = list(_rows("simulated-ses.md", "| fact | source | test |"))
OPEN = list(_rows("unknown.md", "| not known | assumed | what happens either way | where to see it |"))


def test_the_page_has_a_table_for_each_topic() -> None:
    assert len(FACTS) > 80
    assert page("simulated-ses.md").count("\n## ") == page("simulated-ses.md").count(
        "| fact | source | test |"
    )


@pytest.mark.parametrize("row", FACTS, ids=lambda row: row[0][:60])
def test_a_fact_has_a_source_and_a_test_or_says_that_one_is_unknown(row: list[str]) -> None:
    _, source, test = row
    assert source == UNKNOWN or re.findall(r"\]\(https://[^)]+\)", source)
    if test == UNKNOWN:
        return
    [name] = named(test)
    file, function = name.split("::")
    assert function in _functions(file)


def test_each_test_of_facts_is_on_the_page() -> None:
    listed = {named(test)[0] for _, _, test in FACTS if test != UNKNOWN}
    functions = {name for name in _functions("test_facts.py") if name.startswith("test_")}

    assert {f"test_facts.py::{name}" for name in functions} <= listed


def test_what_people_met_and_the_simulated_ses_names_is_on_the_page() -> None:
    sources = (ROOT / "infra/mailbus_local/ses").rglob("*.py")
    met = {address for source in sources for address in EVIDENCE.findall(source.read_text())}

    assert met
    assert {address for address in met if address not in page("simulated-ses.md")} == set()


def test_each_thing_that_is_not_known_says_what_happens_either_way() -> None:
    assert len(OPEN) > 20
    assert [row for row in OPEN if len(row) != 4 or not all(row)] == []

from __future__ import annotations

import re

from tests.architecture.source_tree import FUNCTIONS
from tests.installed.interpreters import MINORS, PYTHONS
from tests.installed.test_django import MATRIX, OLDEST_PYTHON
from tests.unit.docs.pages import named, rows

CHECK_ID = re.compile(r'"(mailbus\.[EW]\d{3})"')


def test_every_check_has_a_row() -> None:
    sources = "".join(path.read_text() for path in (FUNCTIONS / "mailbus" / "django").glob("*.py"))
    listed = [named(row[0])[0] for row in rows("django.md", "| id | |")]
    assert sorted(listed) == sorted(set(CHECK_ID.findall(sources)))


def test_the_table_of_versions_is_what_the_tests_run() -> None:
    heading = "| | " + " | ".join(f"Python 3.{minor}" for minor in MINORS) + " |"
    table = {row[0].removeprefix("Django "): row[1:] for row in rows("django.md", heading)}
    assert list(table) == list(OLDEST_PYTHON)
    for django, cells in table.items():
        for minor, cell in zip(MINORS, cells, strict=True):
            assert (cell == "\N{EN DASH}") == (minor < OLDEST_PYTHON[django])
            # another machine may have other Pythons
            assert cell != "run" or (django, f"3.{minor}") in MATRIX or f"3.{minor}" not in PYTHONS

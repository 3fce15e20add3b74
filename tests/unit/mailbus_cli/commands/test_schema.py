from __future__ import annotations

import json

import pytest

from mailbus_cli import frame
from tests.architecture.source_tree import ROOT


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert frame.run(["schema", *arguments]) == 0
    return capsys.readouterr().out


def test_without_a_name_the_names_are_listed_and_each_has_a_schema(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = _run(capsys).split()
    assert names[:2] == ["job", "typescript"]
    assert {f"{name}.json" for name in names[2:]} == {
        path.name for path in (ROOT / "docs/schemas").glob("*.json")
    }
    assert json.loads(_run(capsys, names[2]))["properties"]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("job", "docs/send-job.schema.json"),
        ("typescript", "docs/mailbus.d.ts"),
        ("email.bounced", "docs/schemas/email.bounced.json"),
    ],
)
def test_what_is_printed_is_what_is_published(
    capsys: pytest.CaptureFixture[str], name: str, path: str
) -> None:
    assert _run(capsys, name) == (ROOT / path).read_text()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("email.bouncd", "did you mean `mailbus schema email.bounced`?"),
        ("../send-job.schema", "`mailbus schema` lists them"),
    ],
)
def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str], name: str, hint: str) -> None:
    assert frame.run(["schema", name]) == 2
    assert capsys.readouterr().err == f"mailbus: there is no schema {name}\nhint: {hint}\n"

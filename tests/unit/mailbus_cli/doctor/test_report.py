from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from mailbus_cli.doctor import report
from mailbus_cli.doctor.verdict import Finding

if TYPE_CHECKING:
    import pytest

STYLES = re.compile(r"\x1b\[[0-9;]*m")
RECORD = "tok._domainkey.example.com CNAME " + "x" * 150


def _finding(check: str, level: Any, **fields: Any) -> Finding:
    return Finding(check=check, title=check.upper(), level=level, text=f"{check} is so", **fields)


FINDINGS = (
    _finding("fine", "ok"),
    _finding("skipped", "ok", checked=False),
    _finding("late", "warning", fix="wait"),
    _finding("gone", "problem", fix="create it", record=f"{RECORD}\nsecond"),
)


def test_what_is_bad_comes_first_and_each_in_its_order() -> None:
    assert [one.check for one in report.worst_first(FINDINGS)] == ["gone", "late", "fine", "skipped"]


def test_the_summary_counts_what_was_not_checked_apart() -> None:
    assert report.summary(FINDINGS) == "1 problem, 1 warning, 1 check is fine, 1 not checked"
    assert report.summary(FINDINGS[:1] * 2) == "2 checks are fine"
    assert report.summary(FINDINGS[3:] * 2) == "2 problems, 0 checks are fine"


def test_where_it_is_no_terminal_each_check_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    report.show(FINDINGS, show_all=False)
    assert capsys.readouterr().out.splitlines() == [
        "ok\tfine\tfine is so\t\t",
        "ok\tskipped\tskipped is so\t\t",
        "warning\tlate\tlate is so\twait\t",
        f"problem\tgone\tgone is so\tcreate it\t{RECORD}; second",
    ]


def test_on_a_terminal_what_is_fine_is_a_number_and_what_is_to_be_copied_is_not_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")

    report.show(FINDINGS, show_all=False)
    folded = STYLES.sub("", capsys.readouterr().out)
    report.show(FINDINGS, show_all=True)
    whole = STYLES.sub("", capsys.readouterr().out)

    assert f"    {RECORD}\n    second\n" in folded
    assert "fine is so" not in folded
    assert folded.endswith("1 problem, 1 warning, 1 check is fine, 1 not checked\n--all shows them\n")
    assert whole.index("gone is so") < whole.index("late is so") < whole.index("fine is so")
    assert "--all" not in whole

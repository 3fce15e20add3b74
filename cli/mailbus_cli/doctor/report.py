"""Shows findings: for people problems first, with what to copy on lines of its own; otherwise a line each."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from mailbus_cli.doctor.verdict import LEVELS
from mailbus_cli.output import console, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus_cli.doctor.verdict import Finding, Level

_MARKS: Final[dict[Level, tuple[str, str]]] = {
    "problem": ("✗", "red"),
    "warning": ("⚠", "yellow"),
    "ok": ("✓", "green"),
}
_PLURALS: Final[dict[Level, tuple[str, str]]] = {
    "problem": ("problem", "problems"),
    "warning": ("warning", "warnings"),
    "ok": ("check is fine", "checks are fine"),
}
SKIPPED: Final = ("·", "dim")


def show(findings: Sequence[Finding], *, show_all: bool) -> None:
    """Print findings; without `show_all` those that are fine as a number, on a terminal."""
    if not sys.stdout.isatty():
        print_table(
            ("level", "check", "text", "fix", "record"),
            (
                (
                    finding.level,
                    finding.check,
                    finding.text,
                    finding.fix or "",
                    "; ".join((finding.record or "").splitlines()),
                )
                for finding in findings
            ),
        )
        return
    screen = console()
    shown = [finding for finding in worst_first(findings) if show_all or finding.level != "ok"]
    width = max((len(finding.title) for finding in shown), default=0)
    for finding in shown:
        row = Table.grid(padding=(0, 2), expand=True)
        row.add_column(width=1)
        row.add_column(width=width)
        row.add_column(ratio=1)
        mark, style = SKIPPED if not finding.checked else _MARKS[finding.level]
        row.add_row(Text(mark, style), Text(finding.title, "bold"), _sentences(finding))
        screen.print(row)
        for line in (finding.record or "").splitlines():
            # not broken at the terminal's width, so that it can be copied
            screen.print(Text(f"    {line}", "cyan"), soft_wrap=True)
    if shown:
        screen.print()
    screen.print(Text(summary(findings), "bold" if shown else "green"))
    if len(shown) < len(findings) and shown:
        screen.print(Text("--all shows them", "dim"))


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Return problems, then warnings, then what is fine, then what was not checked; each in its order."""
    return sorted(findings, key=lambda one: (-LEVELS.index(one.level), not one.checked))


def summary(findings: Sequence[Finding]) -> str:
    """Return how many there are of each level: `1 problem, 2 warnings, 29 checks are fine`."""
    counts = {
        level: sum(one.level == level and one.checked for one in findings) for level in reversed(LEVELS)
    }
    parts = [
        f"{count} {_PLURALS[level][count != 1]}" for level, count in counts.items() if count or level == "ok"
    ]
    skipped = sum(not one.checked for one in findings)
    return ", ".join([*parts, *([f"{skipped} not checked"] if skipped else [])])


def _sentences(finding: Finding) -> Text:
    text = Text(finding.text)
    if finding.fix:
        text.append(f"\n→ {finding.fix}", "dim")
    return text

"""The pages of docs/, read by the tests that hold them to the code."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def prose(*names: str) -> str:
    """Pages with their lines joined, so that a sentence is found wherever it is broken."""
    return re.sub(r"\s+", " ", "\n".join(page(name) for name in names))


def rows(name: str, heading: str) -> list[list[str]]:
    """The rows of the only table with this heading row, cell by cell."""
    _, found, rest = page(name).partition(f"\n{heading}\n")
    assert found, f"{name} has no table {heading}"
    return cells_of(rest.partition("\n\n")[0].splitlines()[1:])


def cells_of(lines: list[str]) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def _written(number: int) -> str:
    return f"{number:,}"

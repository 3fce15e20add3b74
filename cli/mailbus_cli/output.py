"""What commands print: tables for people, plain lines where it is not a terminal, or JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def console(*, stderr: bool = False) -> Console:
    """Return a console that takes no text for markup."""
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:  # noqa: ANN401 - structs and plain values alike
    """Print a value as one JSON document, with indentation on a terminal."""
    text = msgspec.json.encode(value)
    sys.stdout.write((msgspec.json.format(text) if sys.stdout.isatty() else text).decode() + "\n")


def print_json_line(value: Any) -> None:  # noqa: ANN401 - as above
    """Print a value as a line of JSON, at once: for what follows something."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def print_table(headers: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """Print a table; where it is not a terminal a line for each row, its cells separated by tabs."""
    if not sys.stdout.isatty():
        for row in rows:
            cells = (" ".join(str(cell).split()) for cell in row)
            sys.stdout.write("\t".join(cells) + "\n")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for header in headers:
        table.add_column(header, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    console().print(table)

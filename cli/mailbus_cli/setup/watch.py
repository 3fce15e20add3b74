"""Watches for DNS records until all are there."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mailbus_cli.output import console
from mailbus_cli.setup.found_records import Found, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mailbus_cli.setup.found_records import LookUp, State
    from mailbus_cli.setup.wanted_records import Wanted

SECONDS: Final = 10.0
THREADS: Final = 8
GLYPHS: Final[dict[State, tuple[str, str]]] = {
    "there": ("✓", "green"),
    "missing": ("…", "yellow"),
    "wrong": ("✗", "red"),
    "unknown": ("?", "yellow"),
}


def look(wanted: Sequence[Wanted], look_up: LookUp) -> list[Found]:
    """Return what DNS has for each record, in order."""
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        return list(pool.map(lambda record: compare(record, look_up), wanted))


def watch(wanted: Sequence[Wanted], look_up: LookUp, *, wait: Callable[[float], object]) -> None:
    """Show what DNS has for each record until all are there; where it is no terminal, each change."""
    out = console()
    if not out.is_terminal:
        _watch_plainly(wanted, look_up, wait)
        return
    found = look(wanted, look_up)
    waiting = Text(f"\nlooks again every {SECONDS:.0f} seconds; Ctrl-C ends it", style="dim")
    with Live(console=out, auto_refresh=False, vertical_overflow="visible") as live:
        while not all_there(found):
            live.update(Group(shown(wanted, found), waiting), refresh=True)
            wait(SECONDS)
            found = look(wanted, look_up)
        live.update(shown(wanted, found), refresh=True)


def _watch_plainly(wanted: Sequence[Wanted], look_up: LookUp, wait: Callable[[float], object]) -> None:
    before: list[Found | None] = [None] * len(wanted)
    while True:
        found = look(wanted, look_up)
        for record, last, now in zip(wanted, before, found, strict=True):
            if now != last:
                sys.stdout.write(f"{now.state}\t{record.name}\t{record.type}\t{now.text}\n")
        sys.stdout.flush()
        if all_there(found):
            return
        before = [*found]
        wait(SECONDS)


def all_there(found: Sequence[Found]) -> bool:
    """Return True if no record is missing or wrong."""
    return all(one.state == "there" for one in found)


def shown(wanted: Sequence[Wanted], found: Sequence[Found | None]) -> Table:
    """Return a table of the records, each with its value until it is there, and what is wrong."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for record, now in zip(wanted, found, strict=True):
        mark, colour = GLYPHS[now.state] if now else ("·", "dim")
        line = Text.assemble((record.name, "bold"), f"  {record.type}  ")
        if now is None or now.state != "there":
            line.append(record.value)
        if now is not None and now.text:
            line.append(f"\n{now.text}", style=colour)
        table.add_row(Text(mark, style=colour), line)
    return table

"""Markdown that commands write between marks of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

END = "<!-- End. -->"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table."""
    lines: list[Sequence[object]] = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in cells)} |" for cells in lines)


def replaced(page: str, begin: str, text: str) -> str:
    """Return a page with another text between a mark, a comment such as `Written by …`, and the next end."""
    mark = f"<!-- {begin}. -->"
    before, found, rest = page.partition(mark)
    _, ended, after = rest.partition(END)
    assert found and ended, f"the page has {mark}"  # noqa: S101, PT018 - our own page
    return f"{before}{mark}\n\n{text}\n\n{END}{after}"

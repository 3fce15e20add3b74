"""Draws bars of named groups as SVG, for the documentation: the same text for the same values."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from bench.plots.line_chart import COLORS, GRID_LINES, TEXT, round_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH: Final = 760
LEFT: Final = 190
RIGHT: Final = 70
TOP: Final = 74
BOTTOM: Final = 48
BAR: Final = 14
GAP: Final = 12


def bar_chart(title: str, groups: Sequence[str], bars: Mapping[str, Sequence[float]], *, unit: str) -> str:
    """Return an SVG with a bar of each name in each group, of a value of 0 or more in a unit."""
    most = round_up(max(value for values in bars.values() for value in values))
    scale = (WIDTH - LEFT - RIGHT) / most
    step = len(bars) * BAR + GAP
    bottom = TOP + len(groups) * step
    parts = [f'<text x="16" y="24" {TEXT} font-weight="bold">{escape(title)}</text>']
    for number, name in enumerate(bars):
        x = LEFT + 240 * number
        parts += [
            f'<rect x="{x}" y="40" width="12" height="12" fill="{COLORS[number]}"/>',
            f'<text x="{x + 18}" y="51" {TEXT}>{escape(name)}</text>',
        ]
    for number in range(GRID_LINES + 1):
        value = most * number / GRID_LINES
        x_of_line = f"{LEFT + value * scale:.1f}"
        parts += [
            f'<path d="M{x_of_line} {TOP - 6}V{bottom}" stroke="#ddd"/>',
            f'<text x="{x_of_line}" y="{bottom + 16}" text-anchor="middle" {TEXT}>{value:g}</text>',
        ]
    parts.append(
        f'<text x="{LEFT + (WIDTH - LEFT - RIGHT) / 2:.1f}" y="{bottom + 36}" text-anchor="middle" {TEXT}>'
        f"{escape(unit)}</text>"
    )
    for place, group in enumerate(groups):
        y = TOP + place * step
        middle = y + len(bars) * BAR / 2 + 4
        parts.append(
            f'<text x="{LEFT - 10}" y="{middle:.1f}" text-anchor="end" {TEXT}>{escape(group)}</text>'
        )
        for number, values in enumerate(bars.values()):
            width, top, color = values[place] * scale, y + number * BAR, COLORS[number]
            parts += [
                f'<rect x="{LEFT}" y="{top}" width="{width:.1f}" height="{BAR - 2}" fill="{color}"/>',
                f'<text x="{LEFT + width + 5:.1f}" y="{top + 10}" {TEXT}>{values[place]:.3g}</text>',
            ]
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + BOTTOM}" role="img" '
        f'aria-label="{escape(title)}">\n<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )

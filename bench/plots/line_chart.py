"""Draws lines over named places as SVG, for the documentation: the same text for the same values."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH: Final = 760
HEIGHT: Final = 360
LEFT: Final = 60
RIGHT: Final = 160
TOP: Final = 50
BOTTOM: Final = 40
GRID_LINES: Final = 5
# also for people who do not distinguish all colors: https://jfly.uni-koeln.de/color/
COLORS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
TEXT: Final = 'font-family="sans-serif" font-size="12" fill="#444"'


def line_chart(
    title: str, places: Sequence[str], lines: Mapping[str, Sequence[float]], *, x: str = "", y: str = ""
) -> str:
    """Return an SVG with a line for each name, of a value of 0 or more at each place.

    `x` names the places, `y` the values.
    """
    most = round_up(max(value for values in lines.values() for value in values))
    across, up = (WIDTH - LEFT - RIGHT) / max(1, len(places) - 1), (HEIGHT - TOP - BOTTOM) / most

    def point(place: int, value: float) -> str:
        return f"{LEFT + place * across:.1f},{HEIGHT - BOTTOM - value * up:.1f}"

    parts = [
        f'<text x="{LEFT}" y="24" {TEXT} font-weight="bold">{escape(title)}</text>',
        *(_grid_line(most * number / GRID_LINES, up) for number in range(GRID_LINES + 1)),
        *(
            f'<text x="{LEFT + place * across:.1f}" y="{HEIGHT - 16}" text-anchor="middle" {TEXT}>'
            f"{escape(name)}</text>"
            for place, name in enumerate(places)
        ),
        *_axis_names(x, y),
    ]
    for number, (name, values) in enumerate(lines.items()):
        color = COLORS[number % len(COLORS)]
        points = [point(place, value) for place, value in enumerate(values)]
        top = TOP + 20 * number
        parts += [
            f'<polyline points="{" ".join(points)}" fill="none" stroke="{color}" stroke-width="2"/>',
            *(
                f'<circle cx="{cx}" cy="{cy}" r="3" fill="{color}"/>'
                for cx, cy in (each.split(",") for each in points)
            ),
            f'<rect x="{WIDTH - RIGHT + 20}" y="{top}" width="12" height="12" fill="{color}"/>',
            f'<text x="{WIDTH - RIGHT + 38}" y="{top + 11}" {TEXT}>{escape(name)}</text>',
        ]
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">\n<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _axis_names(x: str, y: str) -> list[str]:
    """Return the name of the values above them, that of the places at the end of theirs."""
    return [
        f'<text x="{at}" y="{height}" {anchor}{TEXT}>{escape(name)}</text>'
        for name, at, height, anchor in (
            (x, WIDTH - RIGHT + 20, HEIGHT - 16, ""),
            (y, LEFT - 8, TOP - 10, 'text-anchor="end" '),
        )
        if name
    ]


def _grid_line(value: float, up: float) -> str:
    y = HEIGHT - BOTTOM - value * up
    return (
        f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" {TEXT}>{value:g}</text>'
    )


def round_up(most: float) -> float:
    """Return the next number that is 1, 2 or 5 with zeros; 1 for 0."""
    step = 1e-6
    while step < most:
        step *= 2.5 if f"{step:e}".startswith("2") else 2
    return float(f"{step:.6g}") if most else 1.0

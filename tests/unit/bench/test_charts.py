"""The plots of the documentation: the same text for the same values, with what they are of."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from bench.plots.bar_chart import bar_chart
from bench.plots.line_chart import line_chart, round_up
from bench.support import markdown

BARS = bar_chart(
    "Cold starts", ["sender", "a <b> & c"], {"Mailbus": [200, 50], "boto3": [100, 100]}, unit="ms"
)
LINES = line_chart(
    "Memory", ["1", "40"], {"Mailbus": [30, 80], "Anymail": [40, 160]}, x="MB of a mail", y="MB"
)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter() if element.text]  # noqa: S314 - our own


def widths(svg: str) -> list[float]:
    return [float(width) for width in re.findall(r'width="([\d.]+)" height="12" fill="#\w+"/>', svg)]


def test_a_bar_is_as_long_as_its_value() -> None:
    legend, bars = widths(BARS)[:2], widths(BARS)[2:]
    assert legend == [12, 12]
    assert [round(width / bars[0], 3) for width in bars] == [1, 0.5, 0.25, 0.5]


@pytest.mark.parametrize(
    "text", ["Cold starts", "sender", "a <b> & c", "Mailbus", "boto3", "ms", "200", "50"]
)
def test_bars_have_their_names_values_and_unit(text: str) -> None:
    assert text in [found.strip() for found in texts(BARS)]


@pytest.mark.parametrize("text", ["Memory", "Mailbus", "Anymail", "MB of a mail", "MB", "200", "1", "40"])
def test_lines_have_their_names_places_and_axes(text: str) -> None:
    assert text in [found.strip() for found in texts(LINES)]


def test_lines_without_names_of_axes_have_none() -> None:
    assert (
        len(texts(LINES))
        == len(texts(line_chart("Memory", ["1", "40"], {"M": [30, 80], "A": [40, 160]}))) + 2
    )


@pytest.mark.parametrize("svg", [BARS, LINES])
def test_a_plot_has_a_white_ground_of_its_own_for_dark_pages(svg: str) -> None:
    assert '<rect width="100%" height="100%" fill="#fff"/>' in svg


@pytest.mark.parametrize(
    ("most", "rounded"), [(0, 1), (0.9, 1), (1.1, 2), (3, 5), (5, 5), (51, 100), (180, 200)]
)
def test_an_axis_ends_at_1_2_or_5_with_zeros(most: float, rounded: float) -> None:
    assert round_up(most) == rounded


def test_text_between_marks_is_replaced_up_to_the_next_end() -> None:
    page = "a\n<!-- Written by `make x`. -->\n\nold\n\n<!-- End. -->\nb\n<!-- End. -->\n"
    assert markdown.replaced(page, "Written by `make x`", "new") == page.replace("old", "new")


def test_a_page_without_the_mark_is_refused() -> None:
    with pytest.raises(AssertionError, match="the page has"):
        markdown.replaced("a\n<!-- End. -->", "Written by `make x`", "new")

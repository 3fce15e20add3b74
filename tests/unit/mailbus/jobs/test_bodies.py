from __future__ import annotations

import pytest

from mailbus.jobs.bodies import read_bodies
from mailbus.jobs.contract import Alternative

HTML = "text/html"


def order(html: str | None, *content_types: str) -> list[str]:
    """Return the content types of html and alternatives as they are sent."""
    alternatives = tuple(Alternative(content=one, content_type=one) for one in content_types)
    bodies = read_bodies(html, alternatives, "$.alternatives")
    sent = [alternative.content_type for alternative in bodies.alternatives]
    return [
        *sent[: bodies.before_html],
        *([] if bodies.html is None else [HTML]),
        *sent[bodies.before_html :],
    ]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (("text/watch-html",), ["text/watch-html", HTML]),
        (("text/markdown", "text/x-web-markdown"), ["text/markdown", "text/x-web-markdown", HTML]),
        (("text/x-amp-html",), ["text/x-amp-html", HTML]),
        (("text/calendar; method=REQUEST",), [HTML, "text/calendar; method=REQUEST"]),
        (("application/ld+json", "Text/Markdown"), ["Text/Markdown", HTML, "application/ld+json"]),
        (("text/calendar", "text/plain", HTML), ["text/plain", HTML, HTML, "text/calendar"]),
    ],
)
def test_html_is_behind_text_and_before_what_is_no_text(given: tuple[str, ...], sent: list[str]) -> None:
    assert order("<p>", *given) == sent


@pytest.mark.parametrize(
    "given",
    [
        ("text/markdown", HTML),
        (HTML, "text/markdown"),
        ("text/calendar", HTML),
        ("text/x-amp-html", "text/enriched", HTML, "text/calendar"),
        (HTML,),
        (HTML, "text/calendar", HTML, "text/plain"),
    ],
)
def test_html_among_the_alternatives_keeps_its_place(given: tuple[str, ...]) -> None:
    assert order(None, *given) == list(given)


def test_amp_is_before_html_wherever_it_is_given() -> None:
    assert order(None, HTML, "text/calendar", "text/x-amp-html") == ["text/x-amp-html", HTML, "text/calendar"]


def test_without_html_alternatives_keep_their_order_among_text_and_others() -> None:
    assert order(None, "text/markdown", "text/calendar") == ["text/markdown", "text/calendar"]

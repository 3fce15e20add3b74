"""The picture of the architecture is text that everybody can read, and has the functions of the code."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from tests.architecture.source_tree import FUNCTIONS
from tests.unit.docs.pages import ROOT, page

SVG = "{http://www.w3.org/2000/svg}"
PICTURE = ET.parse(ROOT / "docs/architecture.svg").getroot()  # noqa: S314 - the project's own
# custom resources, which take no part in a mail's way
OF_CLOUDFORMATION = {"activation", "identity_feedback", "redirect_domain"}


def texts(kind: str) -> list[str]:
    return [str(element.text) for element in PICTURE.iter(f"{SVG}{kind}")]


def test_the_picture_has_a_title_and_a_description_that_readers_of_screens_find() -> None:
    assert PICTURE.get("role") == "img"
    named = str(PICTURE.get("aria-labelledby")).split()
    assert [element.tag for name in named for element in PICTURE.iter() if element.get("id") == name] == [
        f"{SVG}title",
        f"{SVG}desc",
    ]
    assert all(text.strip() for text in (*texts("title"), *texts("desc")))


def test_the_picture_and_the_page_have_every_function_that_mail_passes() -> None:
    functions = {path.parent.name for path in FUNCTIONS.glob("*/handler.py")} - OF_CLOUDFORMATION

    assert functions <= set(texts("text"))
    assert functions <= set(re.findall(r"^\| `(\w+)` \|", page("architecture.md"), re.MULTILINE))


def test_the_picture_loads_nothing_and_has_colors_for_a_dark_page() -> None:
    written = (ROOT / "docs/architecture.svg").read_text()

    assert set(re.findall(r"https?://[^\"\s]+", written)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(image|script|foreignObject|use)\b|@import", written)
    assert "@media (prefers-color-scheme: dark)" in written

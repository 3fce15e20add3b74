"""`make docs` builds a site that needs no network: warnings, such as of a link to nowhere, are errors."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.unit.docs.pages import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    made = subprocess.run(
        ["make", "--old-file=setup", "docs", f"SITE={folder}"],  # noqa: S607 - the make that runs the tests
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return folder


def test_the_site_has_every_page(site: Path) -> None:
    pages = {page.relative_to(ROOT / "docs").with_suffix("") for page in (ROOT / "docs").rglob("*.md")}

    assert pages <= {page.relative_to(site).with_suffix("") for page in site.rglob("*.html")}


def test_the_navigation_groups_the_pages_by_need(site: Path) -> None:
    captions = re.findall(r'class="caption-text">([^<]+)<', (site / "events.html").read_text())

    assert captions == ["Start", "How to", "Reference", "Background"]


def test_a_link_by_the_name_of_a_file_is_by_the_title_of_the_page(site: Path) -> None:
    assert "[sending.md](sending.md)" in (ROOT / "docs/job.md").read_text()

    link = re.compile(r"<a [^>]*>(?:<span[^>]*>)*[a-z-]+\.md</")
    named = [page.name for page in site.rglob("*.html") if link.search(page.read_text())]

    assert named == []


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    loaded = {
        address
        for page in site.rglob("*.html")
        for tag in re.findall(r"<(?:link|script|img|iframe|object|source)\b[^>]*>", page.read_text())
        for address in re.findall(r'(?:href|src|data)="([^"]+)"', tag)
    }
    styles = {
        address
        for sheet in (site / "_static").rglob("*.css")
        for address in re.findall(r"""(?:url\(|@import )["']?([^"')]+)""", sheet.read_text())
    }

    assert loaded
    assert {name for name in loaded | styles if re.match(r"(?:[a-z]+:)?//", name)} == set()


def test_the_search_finds_words_of_the_pages(site: Path) -> None:
    index = (site / "searchindex.js").read_text()

    assert "unansw" in index, "in a text, without its ending"
    assert '"subscribing"' in index, "among the pages"

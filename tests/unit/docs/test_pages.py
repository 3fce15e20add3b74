from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.unit.docs.pages import ROOT

PAGES = [
    "README.md",
    "CHANGELOG.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
]


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as they are made of them."""
    headings = re.findall(
        r"^#{1,6} (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_a_link_to_a_section_finds_it(name: str) -> None:
    path = ROOT / name
    links = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", path.read_text())
    targets = [(path.parent / link if link else path, anchor) for link, anchor in links]

    missing = [
        f"{target.name}#{anchor}" for target, anchor in targets if anchor not in anchors(target.read_text())
    ]

    assert missing == []


def test_no_two_examples_use_one_job_id_which_would_be_one_job() -> None:
    examples = [
        set(re.findall(r'job_id(?:": |=)"([\w-]+)"', code))
        for name in PAGES
        for code in re.findall(r"^```python\n(.*?)^```", (ROOT / name).read_text(), re.DOTALL | re.MULTILINE)
    ]
    used = Counter(job_id for ids in examples for job_id in ids)

    assert used
    assert [job_id for job_id, times in used.items() if times > 1] == []


def test_every_page_is_reached_from_the_first() -> None:
    first, index = (ROOT / "README.md").read_text(), (ROOT / "docs/index.md").read_text()
    commands = (ROOT / "docs/command-line.md").read_text()
    linked = {f"docs/{name}" for name in re.findall(r"\]\(([\w-]+\.md)\)", index)}
    linked |= {f"docs/{name}" for name in re.findall(r"\]\((commands/[\w-]+\.md)\)", commands)}

    assert "](docs/index.md)" in first
    assert linked == {name for name in PAGES if name.startswith("docs/")} - {"docs/index.md"}


@pytest.mark.parametrize("name", PAGES)
def test_a_link_to_a_file_or_a_folder_finds_it(name: str) -> None:
    path = ROOT / name
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())

    assert [link for link in links if not (path.parent / link).exists()] == []

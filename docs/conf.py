"""How `make docs` builds the site from the pages of this folder, which stay plain Markdown.

`index.md` groups the pages by need: the site's navigation is made of its headings and links.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).parent
# the pages of the commands are below that of the command line
COMMANDS = "\n```{toctree}\n:hidden:\n:glob:\n\ncommands/*\n```\n"

project = html_title = "Mailbus"
extensions = ["myst_parser"]
exclude_patterns = ["conf.py"]
myst_heading_anchors = 4
html_theme = "furo"
html_theme_options: dict[str, Any] = {"top_of_page_buttons": []}
html_static_path = html_css_files = ["site.css"]
# published at addresses of their own, beside the pages
html_extra_path = ["mailbus.d.ts", "send-job.schema.json"]
html_copy_source = html_show_copyright = html_show_sphinx = False


def navigation(index: str) -> str:
    """Return the site's navigation: a group for each section of the index with the pages that it links to."""
    groups = re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", index, re.MULTILINE)
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {heading}\n" + "\n".join(pages) + "\n```\n"
        for heading, section in groups
        if (pages := re.findall(r"^[-*|] .*?\]\(([a-z-]+\.md)\)", section, re.MULTILINE))
    )


def without_folders(text: str) -> str:
    """Return a page without its links to folders of the repository, which are no pages of a site."""
    return re.sub(
        r"\[([^\]]+)\]\(([^)#:]+)\)", lambda link: link[1] if (DOCS / link[2]).is_dir() else link[0], text
    )


def with_titles(text: str) -> str:
    """Return a page whose links by a file's name are by the title of that page or section."""
    return re.sub(r"\[([a-z-]+\.md)\]\((\1(?:#[^)]+)?)\)", r"[](\2)", text)


def _read(_app: Sphinx, name: str, source: list[str]) -> None:
    text = with_titles(without_folders(source[0]))
    below = {"index": navigation(text), "command-line": COMMANDS}
    source[0] = text + below.get(name, "")


def setup(app: Sphinx) -> None:
    """Change each page before Sphinx parses it."""
    app.connect("source-read", _read)

from __future__ import annotations

import json
import re

import pytest

from tests.unit.docs.pages import page
from tests.unit.node_example import NODE_EXAMPLE

SOURCES = sorted(path.name for path in (NODE_EXAMPLE / "src").glob("*.ts"))
BLOCKS = re.findall(r"^```ts\n(.*?)^```", page("other-languages.md"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("name", SOURCES)
def test_the_page_shows_the_example_that_is_compiled_and_run(name: str) -> None:
    assert (NODE_EXAMPLE / "src" / name).read_text() in BLOCKS


def test_the_page_shows_no_other_code() -> None:
    assert len(BLOCKS) == len(SOURCES)


def test_the_compiler_options_are_those_of_the_example() -> None:
    (written,) = re.findall(r"^```json\n(.*?)^```", page("other-languages.md"), re.DOTALL | re.MULTILINE)
    example = re.sub(r"^ *//.*\n", "", (NODE_EXAMPLE / "tsconfig.json").read_text(), flags=re.MULTILINE)
    options = json.loads(example)
    # the declarations are in another folder of the checkout
    del options["compilerOptions"]["rootDirs"]
    assert json.loads(written) == options

"""A job is edited until it has no errors, is not changed, or is given up."""

from __future__ import annotations

import json
import stat
import sys
from typing import TYPE_CHECKING

import pytest

from mailbus_cli.dead_letters.checking import check, pretty
from mailbus_cli.dead_letters.editing import edit, in_editor, with_notes, without_notes
from mailbus_cli.errors import CommandError
from tests.unit.mailbus_cli.dead_letters.fake_sqs import text_of

if TYPE_CHECKING:
    from pathlib import Path

TEXT = pretty(text_of(subjet="Hello"))


class Editor:
    """Replaces texts, one for each time that it is opened."""

    def __init__(self, *changes: tuple[str, str]) -> None:
        self.changes = [*changes]
        self.opened: list[str] = []

    def __call__(self, text: str) -> str:
        self.opened.append(text)
        return text.replace(*self.changes.pop(0))


def test_a_corrected_job_is_returned() -> None:
    editor = Editor(('"subjet": "Hello"', '"tags": ["a"]'))
    edited = edit(TEXT, check=check, again=lambda _: False, run=editor)
    assert edited is not None
    assert json.loads(edited)["tags"] == ["a"]
    assert check(edited) == ()


def test_the_errors_stand_above_the_job_with_their_lines_in_the_file() -> None:
    editor = Editor(("", ""))
    edit(TEXT, check=check, again=lambda _: False, run=editor)
    [opened] = editor.opened
    first = opened.split("\n")[0]
    assert first == "// line 9: $.subjet is unknown; did you mean 'subject'?"
    assert '"subjet"' in opened.split("\n")[8]
    assert without_notes(opened) == TEXT


def test_a_job_that_has_errors_still_is_offered_again_with_them() -> None:
    asked: list[str] = []

    def again(problems: object) -> bool:
        asked.append(str(problems))
        return True

    editor = Editor(('"subjet"', '"subjecd"'), ('"subjecd": "Hello"', '"tags": ["a"]'))
    assert edit(TEXT, check=check, again=again, run=editor) is not None
    assert len(asked) == 1
    assert "$.subjecd" in editor.opened[1].split("\n")[0]


def test_a_job_that_is_given_up_is_none() -> None:
    assert edit(TEXT, check=check, again=lambda _: False, run=Editor(('"subjet"', '"x"'))) is None


@pytest.mark.parametrize("left", [TEXT, "", "// note\n"])
def test_a_job_that_was_not_changed_or_emptied_is_none(left: str) -> None:
    assert edit(TEXT, check=check, again=lambda _: True, run=lambda _: left) is None


def test_a_long_string_is_folded_in_the_editor_and_whole_afterwards() -> None:
    editor = Editor(('"subjet": "Hello"', '"tags": ["a"]'))
    edited = edit(
        pretty(text_of(subjet="Hello", text="x" * 5000)), check=check, again=lambda _: False, run=editor
    )
    assert len(editor.opened[0]) < 2000
    assert edited is not None
    assert json.loads(edited)["text"] == "x" * 5000


def test_notes_are_only_those_above() -> None:
    assert without_notes(with_notes('{\n// no note\n"a": 1}', ())) == '{\n// no note\n"a": 1}'


def test_the_editor_of_the_environment_is_used_and_nobody_else_can_read_the_file(tmp_path: Path) -> None:
    script = tmp_path / "an editor.py"
    script.write_text(
        "import sys, os\n"
        "path = sys.argv[-1]\n"
        f"open({str(tmp_path / 'mode')!r}, 'w').write(str(os.stat(path).st_mode))\n"
        "text = open(path, encoding='utf-8').read()\n"
        "open(path, 'w', encoding='utf-8').write(text + 'ü')\n"
    )
    command = f"{sys.executable} '{script}'"
    assert in_editor("{} ö", {"EDITOR": command, "VISUAL": ""}) == "{} öü"
    assert stat.S_IMODE(int((tmp_path / "mode").read_text())) == 0o600


@pytest.mark.parametrize("editor", ["no-such-editor", "'unclosed", f"{sys.executable} -c exit(3)"])
def test_an_editor_that_fails_sends_nothing(editor: str) -> None:
    with pytest.raises(CommandError) as raised:
        in_editor("{}", {"EDITOR": editor})
    assert "EDITOR" in raised.value.hint

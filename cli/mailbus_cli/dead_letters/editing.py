"""Edits a job in the operator's editor, until it has no errors or is given up."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mailbus_cli.dead_letters.folding import fold
from mailbus_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mailbus_cli.dead_letters.checking import Problem

NOTE: Final = "//"
_EDITORS: Final = ("VISUAL", "EDITOR")
_HINT: Final = "set EDITOR, such as EDITOR=vi, or EDITOR='code --wait'"


def edit(
    text: str,
    *,
    check: Callable[[str], Sequence[Problem]],
    again: Callable[[Sequence[Problem]], bool],
    run: Callable[[str], str] | None = None,
) -> str | None:
    """Return a job's text as it was edited and has no errors; None if it was not changed, or given up.

    Its errors stand above it, in lines that are left out again; long strings are folded. `again` is asked
    whether to edit it once more. Raises `CommandError` if there is no editor.
    """
    folded = fold(text)
    edited = folded.text
    problems = check(text)
    while True:
        edited = without_notes((run or in_editor)(with_notes(edited, problems)))
        whole = folded.unfold(edited)
        if not edited.strip() or whole.strip() == text.strip():
            return None
        problems = check(whole)
        if not problems:
            return whole
        if not again(problems):
            return None


def with_notes(text: str, problems: Sequence[Problem]) -> str:
    """Return a text below notes of its errors; the lines in the notes are those of the file."""
    ends = "Save to check it. Without a change, or with an empty file, nothing is sent."
    above = len(problems) + 1
    notes = [f"line {one.line + above}: {one.path} {one.reason}" for one in problems]
    return "".join(f"{NOTE} {note}\n" for note in [*notes, ends]) + text


def without_notes(text: str) -> str:
    """Return a text without the notes above it."""
    lines = text.split("\n")
    while lines and lines[0].startswith(NOTE):
        del lines[0]
    return "\n".join(lines)


def in_editor(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return a text as the operator's editor leaves it. Raises `CommandError`."""
    editor = next((environment[name] for name in _EDITORS if environment.get(name)), "vi")
    with tempfile.TemporaryDirectory(prefix="mailbus-") as folder:
        # nobody else may read the mail
        path = Path(folder) / "job.json"
        path.touch(0o600)
        path.write_text(text, encoding="utf-8")
        try:
            code = subprocess.run([*shlex.split(editor), str(path)], check=False).returncode  # noqa: S603 - the operator's own
        except (OSError, ValueError) as error:
            reason = f"the editor {editor!r} cannot be started"
            raise CommandError(reason, hint=_HINT) from error
        if code:
            reason = f"the editor {editor!r} ended with {code}; nothing is sent"
            raise CommandError(reason, hint=_HINT)
        return path.read_text(encoding="utf-8")

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from mailbus_cli.shells import Shell, as_json, lines

AWKWARD = {
    "QUOTES": """it's "quoted" """,
    "EXPANDED": "$HOME `id` $(id) \\ ~ * !!",
    "LINES": "one\ntwo",
    "EMPTY": "",
    "UNICODE": "Zoë",
}


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_posix_shell_sets_exactly_these_values_and_removes_others(shell: str) -> None:
    found = shutil.which(shell)
    assert found is not None
    names = " ".join(f'"${name}"' for name in AWKWARD)
    script = (
        f'{lines(AWKWARD, Shell.SH, unset=["AWS_PROFILE"])}printf "%s\\0" {names} "${{AWS_PROFILE-none}}"'
    )
    done = subprocess.run(
        [found, "-c", script], env={"AWS_PROFILE": "work"}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\0")[:-1] == [*AWKWARD.values(), "none"]


@pytest.mark.parametrize(
    ("shell", "expected"),
    [
        (Shell.SH, "unset B\nexport A='it'\\''s \\n'\n"),
        (Shell.FISH, "set -e B\nset -gx A 'it\\'s \\\\n'\n"),
        (Shell.POWERSHELL, "Remove-Item Env:B\n$env:A = 'it''s \\n'\n"),
    ],
)
def test_a_value_is_quoted_by_the_rules_of_each_shell(shell: Shell, expected: str) -> None:
    assert lines({"A": "it's \\n"}, shell, unset=["B"]) == expected


def test_json_has_the_same_values() -> None:
    assert json.loads(as_json(AWKWARD)) == AWKWARD

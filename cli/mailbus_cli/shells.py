"""Environment variables in the syntax of a shell, quoted so that no value is anything but text."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class Shell(StrEnum):
    """A syntax: that of POSIX is the one of bash, zsh and others."""

    SH = "sh"
    FISH = "fish"
    POWERSHELL = "powershell"


def _sh(name: str, value: str) -> str:
    # https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02_02
    quoted = value.replace("'", "'\\''")
    return f"export {name}='{quoted}'"


def _fish(name: str, value: str) -> str:
    # https://fishshell.com/docs/current/language.html#quotes
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"set -gx {name} '{quoted}'"


def _powershell(name: str, value: str) -> str:
    # https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules
    quoted = value.replace("'", "''")
    return f"$env:{name} = '{quoted}'"


# How to remove a variable.
_UNSET: Final[Mapping[Shell, str]] = {
    Shell.SH: "unset {}",
    Shell.FISH: "set -e {}",
    Shell.POWERSHELL: "Remove-Item Env:{}",
}
_SYNTAX: Final[Mapping[Shell, Callable[[str, str], str]]] = {
    Shell.SH: _sh,
    Shell.FISH: _fish,
    Shell.POWERSHELL: _powershell,
}


def lines(variables: Mapping[str, str], shell: Shell, *, unset: Iterable[str] = ()) -> str:
    """Return a line for each variable that is set or removed."""
    removed = "".join(f"{_UNSET[shell].format(name)}\n" for name in unset)
    return removed + "".join(f"{_SYNTAX[shell](name, value)}\n" for name, value in variables.items())


def as_json(variables: Mapping[str, str]) -> str:
    """Return a JSON object."""
    return json.dumps(variables, indent=2, ensure_ascii=False) + "\n"

"""The calls that a system on this machine denied: its roles and policies do not allow them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

#: The path of MiniStack at which the simulated SES reads who has an access key, with their policies.
PRINCIPALS: Final = "/_mailbus/principals/"
#: The file in a system's directory, with a line for each denied call.
FILE: Final = "denials.jsonl"
_ASSUMED_ROLE: Final = re.compile(r"arn:[^:]*:sts::[0-9]*:assumed-role/([^/]+)/.*")


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """A denied call. `principal` is the ARN of the caller, or the name of a service of AWS."""

    principal: str
    action: str
    resource: str

    @property
    def role(self) -> str:
        """The name of the caller's role; the principal itself if it has none."""
        return role_of(self.principal) or self.principal

    def __str__(self) -> str:
        return f"{self.role} may not {self.action} on {self.resource}"


def role_of(principal: str) -> str | None:
    """Return the name of the role whose session a principal's ARN is of, if it is one."""
    found = _ASSUMED_ROLE.fullmatch(principal)
    return found[1] if found else None


def record(file: Path, denial: Denial) -> None:
    """Add a denied call. Several processes may do so."""
    # without a buffer: one write is one line
    with file.open("ab", buffering=0) as lines:
        lines.write(msgspec.json.encode(denial) + b"\n")


def read(file: Path) -> tuple[Denial, ...]:
    """Return the denied calls, each once; none if there is no such file."""
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    return tuple(dict.fromkeys(msgspec.json.decode(line, type=Denial) for line in lines))

"""The rights that roles have used on this machine: what the policies of a role need not allow is not here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_local.denials import role_of

if TYPE_CHECKING:
    from pathlib import Path

#: The file in a system's directory, with a line for each right.
FILE: Final = "used-rights.jsonl"
# objects and schedules have names of their own, without end
_ONE_OF_MANY: Final = (":s3:::", ":schedule/")


class UsedRight(msgspec.Struct, frozen=True, kw_only=True):
    """An action that a role used; of objects and schedules, `resource` is the first of a prefix or group."""

    role: str
    action: str
    resource: str


class UsedRights:
    """Notes rights, each once, in a file to which several processes may write."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: set[tuple[str, str, str]] = set()

    def note(self, principal: str, action: str, resource: str) -> None:
        """Note that a caller, by its ARN, used a right; one without a role is left out."""
        role = role_of(principal)
        if role is None:
            return
        many = any(part in resource for part in _ONE_OF_MANY)
        key = (role, action, "/".join(resource.split("/")[:2]) if many else resource)
        if key in self._seen:
            return
        self._seen.add(key)
        line = msgspec.json.encode(UsedRight(role=role, action=action, resource=resource))
        # without a buffer: one write is one line
        with self._file.open("ab", buffering=0) as lines:
            lines.write(line + b"\n")


def read(file: Path) -> frozenset[UsedRight]:
    """Return the rights of a file; none if there is no such file."""
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return frozenset()
    return frozenset(msgspec.json.decode(line, type=UsedRight) for line in lines)

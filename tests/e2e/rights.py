"""Which rights of the deployed roles were used in a run, and which were not."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus_local import used_rights
from tests import unused_rights
from tests.unused_rights import UNUSED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mailbus_local.used_rights import UsedRight
    from tests.e2e.local import Local

# what another deployment of the same templates names otherwise
_RANDOM: Final = re.compile(
    r"(?<=:key/)[0-9a-f-]{36}|(?<=bucket[0-9a-f]{8})[0-9a-z-]+|(?<=Secret[0-9A-F]{8})[-0-9A-Za-z*]+"
)


class Right(msgspec.Struct, frozen=True, order=True):
    """An action that a role's policy allows on a resource, both as the policy has them."""

    role: str
    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.role} may {self.action} on {self.resource}"


class Rights(msgspec.Struct, frozen=True):
    """The rights of roles, and those of them that were used."""

    allowed: frozenset[Right] = frozenset()
    used: frozenset[Right] = frozenset()

    def __or__(self, other: Rights) -> Rights:
        return Rights(self.allowed | other.allowed, self.used | other.used)


def of_system(local: Local, directory: Path) -> Rights:
    """Read the policies of the roles of the stage that runs in a directory, and what was used of them."""
    iam = local.client("iam")
    used = used_rights.read(directory / used_rights.FILE)
    rights = Rights()
    for page in iam.get_paginator("list_roles").paginate():
        for role in (found["RoleName"] for found in page["Roles"]):
            # those that stand in for resources which the embedded AWS lacks are no roles of a deployment
            if not role.startswith("mailbus-local-") or "CustomResourceRole" in role:
                continue
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
                document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
                rights |= of_policy(role, document, [right for right in used if right.role == role])
    return rights


def of_policy(role: str, document: dict[str, Any], used: Iterable[UsedRight]) -> Rights:
    """Return the rights of a policy, and those of them that calls used."""
    calls = list(used)
    allowed, seen = set(), set()
    for statement in document["Statement"]:
        for action in _listed(statement["Action"]):
            for resource in _listed(statement["Resource"]):
                right = Right(role, action, _RANDOM.sub("*", resource))
                allowed.add(right)
                if any(fnmatchcase(c.action, action) and fnmatchcase(c.resource, resource) for c in calls):
                    seen.add(right)
    return Rights(frozenset(allowed), frozenset(seen))


def findings(rights: Rights) -> list[str]:
    """Return what differs from `UNUSED`: rights without a reason, and reasons without such a right."""
    if not rights.allowed:
        return ["no rights of any role were read: no test ran a system"]
    reasons = {
        right: unused_rights.find(right.role, right.action, right.resource) for right in rights.allowed
    }
    used = {reason for right, reason in reasons.items() if right in rights.used}
    return [
        *(
            f"{right}, and never does: remove the right, or give a reason in tests/unused_rights.py"
            for right in sorted(rights.allowed - rights.used)
            if reasons[right] is None
        ),
        *(
            f"{reason} in tests/unused_rights.py is of no right: remove it"
            for reason in UNUSED
            if reason not in reasons.values()
        ),
        *(
            f"{reason} in tests/unused_rights.py was used: remove it, or say why only sometimes"
            for reason in UNUSED
            if reason in used and not reason.sometimes
        ),
    ]


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value

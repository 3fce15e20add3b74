"""What the policy of a topic, queue, bucket or key allows a service of AWS.

Reads the elements that the deployment's own policies have. A condition on anything else counts as met by a
request that is to be allowed, and as not met by one that is to be denied: nothing is reported that may be
fine.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
import operator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """A service's action on a resource, for a source of an account."""

    service: str
    action: str
    resource: str
    source_arn: str
    account: str


def allows(policy: str | Mapping[str, Any] | None, access: Access) -> bool:
    """Return whether a policy allows an access. One that is missing or unreadable allows nothing."""
    statements = _statements(policy)
    return any(_applies(one, access, "Allow", unknown=True) for one in statements) and not any(
        _applies(one, access, "Deny", unknown=False) for one in statements
    )


def matches(value: str, pattern: str) -> bool:
    """Return whether a text matches a pattern with * and ?, which are the only special characters."""
    return fnmatchcase(value, pattern.replace("[", "[[]"))


_OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "stringequals": operator.eq,
    "stringlike": matches,
    "arnequals": matches,
    "arnlike": matches,
    "bool": lambda value, wanted: value == wanted.lower(),
}


def _statements(policy: str | Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    if isinstance(policy, str):
        try:
            policy = json.loads(policy)
        except ValueError:
            return []
    found = _listed(policy.get("Statement")) if isinstance(policy, dict) else []
    return [statement for statement in found if isinstance(statement, dict)]


def _applies(statement: Mapping[str, Any], access: Access, effect: str, *, unknown: bool) -> bool:
    actions = [str(action).lower() for action in _listed(statement.get("Action"))]
    resources = [str(resource) for resource in _listed(statement.get("Resource", "*"))]
    return (
        statement.get("Effect") == effect
        and _names(statement.get("Principal", access.service), access.service)
        and any(matches(access.action.lower(), action) for action in actions)
        and any(matches(access.resource, resource) for resource in resources)
        and _condition(statement.get("Condition") or {}, access, unknown=unknown)
    )


def _names(principal: object, service: str) -> bool:
    if isinstance(principal, dict):
        return service in _listed(principal.get("Service")) or "*" in _listed(principal.get("AWS"))
    return principal in ("*", service)


def _condition(condition: Mapping[str, Mapping[str, Any]], access: Access, *, unknown: bool) -> bool:
    values = {
        "aws:sourceaccount": access.account,
        "aws:sourcearn": access.source_arn,
        "aws:securetransport": "true",
    }

    def met(operation: str, key: str, wanted: object) -> bool:
        test = _OPERATORS.get(operation.lower().removesuffix("ifexists"))
        value = values.get(key.lower())
        if test is None or value is None:
            return unknown
        return any(test(value, str(one)) for one in _listed(wanted))

    return all(
        met(operation, key, wanted) for operation, keys in condition.items() for key, wanted in keys.items()
    )


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]

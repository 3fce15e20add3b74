"""Findings of cdk-nag that are as they should be, each acknowledged with its reason where it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Acknowledgment, Stack, Validations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Accept one rule's finding on a construct and what is under it."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))


def acknowledge_patterns(construct: IConstruct, patterns: Iterable[str], reason: str) -> None:
    """Accept that a construct's policy names resources by patterns."""
    for pattern in patterns:
        resource = _as_found(Stack.of(construct).resolve(pattern))
        acknowledge(construct, f"AwsSolutions-IAM5[Resource::{resource}]", reason)


def _as_found(value: Any) -> str:  # noqa: ANN401 - whatever CloudFormation makes of a text
    """Write a template's value as cdk-nag names it in a finding."""
    match value:
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(_as_found(part) for part in parts)
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
        case {"Ref": str(name)}:
            return f"<{name}>"
        case _:
            return str(value)

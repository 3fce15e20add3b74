"""Suppresses findings of cdk-nag, each with its reason, where the resource is created."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Acknowledgment, Stack, Validations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from constructs import IConstruct


def suppress(construct: IConstruct, rule: str, reason: str) -> None:
    """Suppress one rule's findings on a construct and all that it contains."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))


def suppress_wildcards(construct: IConstruct, resources: Iterable[str], reason: str) -> None:
    """Suppress the findings on ARNs with wildcards in a construct's policies."""
    for resource in resources:
        name = _name_in_findings(Stack.of(construct).resolve(resource))
        suppress(construct, f"AwsSolutions-IAM5[Resource::{name}]", reason)


def _name_in_findings(value: Any) -> str:  # noqa: ANN401 - whatever CloudFormation has for a string
    """Return a template's value as cdk-nag writes it in a finding."""
    match value:
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(_name_in_findings(part) for part in parts)
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
        case {"Ref": str(name)}:
            return f"<{name}>"
        case {"Fn::ImportValue": str(name)}:
            return name
        case _:
            return str(value)

"""Evaluates the policies of templates as IAM does, by the evaluator of the embedded AWS.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack.core.iam_evaluator import (
    EvalContext,
    evaluate,
    evaluate_resource_policy,
    parse_policy_document,
)

from tests.infra.templates import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.infra.templates import Resource, Templates

PERMISSION = "AWS::Lambda::Permission"
BUS_POLICY = "AWS::Events::EventBusPolicy"
_DOCUMENTS = ("PolicyDocument", "KeyPolicy", "AssumeRolePolicyDocument")
# what calls in its own name, so that policies name it as a source
_SOURCES = {
    "AWS::SNS::Topic": "arn:aws:sns:us-east-1:{account}:{name}",
    "AWS::Events::Rule": "arn:aws:events:us-east-1:{account}:rule/{name}",
}


def has_document(resource: Resource) -> bool:
    """Return whether a resource is a policy, or has one."""
    return resource.type in {PERMISSION, BUS_POLICY} or not resource.properties.keys().isdisjoint(_DOCUMENTS)


def document(templates: Templates, resource: Resource) -> dict[str, Any]:
    """Return a resource's policy with construct paths in place of references, and ARNs for sources."""
    if resource.type == PERMISSION:
        policy = {"Statement": [_statement(resource.properties)]}
    elif resource.type == BUS_POLICY:
        policy = {"Statement": [resource.properties["Statement"]]}
    else:
        (policy,) = [resource.properties[name] for name in _DOCUMENTS if name in resource.properties]
    resolved: dict[str, Any] = _resolved(templates, resource.stack, policy)
    arns = _source_arns(templates)
    for statement in resolved["Statement"]:
        # a role's policy of who may assume it has none
        statement.setdefault("Resource", "*")
        for operands in statement.get("Condition", {}).values():
            operands |= {
                key: arns.get(value, value) for key, value in operands.items() if isinstance(value, str)
            }
    return resolved


def source_arn(templates: Templates, source: str) -> str:
    """Return the ARN of a source that is named by the path of its construct; an ARN is one."""
    return _source_arns(templates).get(source, source)


def _source_arns(templates: Templates) -> dict[str, str]:
    return {
        f"<{resource.path}>": _SOURCES[resource.type].format(
            account=ACCOUNT, name=resource.path.replace("/", "-")
        )
        for resource in templates.resources
        if resource.type in _SOURCES
    }


def _statement(permission: Mapping[str, Any]) -> dict[str, Any]:
    """Return the statement that Lambda makes of a permission.

    https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
    """
    condition: dict[str, Any] = {}
    if "SourceArn" in permission:
        condition["ArnLike"] = {"AWS:SourceArn": permission["SourceArn"]}
    if "SourceAccount" in permission:
        condition["StringEquals"] = {"AWS:SourceAccount": permission["SourceAccount"]}
    return {
        "Effect": "Allow",
        "Principal": {"Service": permission["Principal"]},
        "Action": permission["Action"],
        "Resource": permission["FunctionName"],
        **({"Condition": condition} if condition else {}),
    }


def service_may(
    policy: Mapping[str, Any], service: str, action: str, resource: str, context: Mapping[str, str]
) -> bool:
    """Return whether a resource's policy lets a service of AWS do this."""
    evaluated = evaluate_resource_policy(dict(policy), _context(action, resource, context), service=service)
    allowed: bool = evaluated.decision == "Allow"
    return allowed


def role_may(
    policy: Mapping[str, Any], action: str, resource: str, context: Mapping[str, str | list[str]]
) -> bool:
    """Return whether a role's policy lets it do this."""
    evaluated = evaluate(_context(action, resource, context), [parse_policy_document(dict(policy))])
    allowed: bool = evaluated.decision == "Allow"
    return allowed


def account_may(
    policy: Mapping[str, Any],
    account: str,
    action: str,
    resource: str,
    context: Mapping[str, str | list[str]],
) -> bool:
    """Return whether a resource's policy lets a role of an account do this."""
    # the evaluator resolves no policy variables
    text = json.dumps(policy).replace("${aws:PrincipalAccount}", account)
    evaluated = evaluate_resource_policy(text, _context(action, resource, context, account))
    allowed: bool = evaluated.decision == "Allow"
    return allowed


def _context(
    # no account's caller: statements for services alone count
    action: str,
    resource: str,
    context: Mapping[str, Any],
    account: str = "999999999999",
) -> EvalContext:
    return EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/other/session",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region="us-east-1",
        source_ip="192.0.2.1",
        secure_transport=True,
        service_context={name.lower(): value for name, value in context.items()},
    )


def _resolved(templates: Templates, stack: str, value: Any) -> Any:
    if isinstance(value, dict):
        if any(name == "Ref" or name.startswith("Fn::") for name in value):
            return templates.text(stack, value)
        return {name: _resolved(templates, stack, part) for name, part in value.items()}
    return [_resolved(templates, stack, part) for part in value] if isinstance(value, list) else value

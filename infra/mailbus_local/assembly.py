"""Adapts synthesized stacks to the embedded AWS: replaces what its CloudFormation does not support."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mailbus_local.custom_resource_function import REPLACED_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN_REGION: Final = "unknown-region"
FUNCTION_ID: Final = "CustomResourceFunction"
ROLE_ID: Final = "CustomResourceRole"
_SOURCE: Final = Path(__file__).with_name("custom_resource_function.py")
_NO_REGISTRY: Final = (
    "MiniStack has no schema registry, neither in CloudFormation nor as an API that a custom resource could "
    "call; nothing reads it at run time"
)
# Resource types that are removed, with the reason. No other resource may refer to them.
OMITTED_TYPES: Final[Mapping[str, str]] = {
    "AWS::EventSchemas::Registry": _NO_REGISTRY,
    "AWS::EventSchemas::Schema": _NO_REGISTRY,
    "AWS::Events::EventBusPolicy": (
        "MiniStack keeps accounts apart: no other account can create a rule on a bus, whatever its policy"
    ),
}


def adapt_template(template: dict[str, Any]) -> dict[str, Any]:
    """Return a template without what is omitted, and with custom resources for `REPLACED_TYPES`."""
    kept = {
        logical_id: resource
        for logical_id, resource in template["Resources"].items()
        if not _is_omitted(resource)
    }
    resources = {
        logical_id: _custom_resource(resource) if resource["Type"] in REPLACED_TYPES else resource
        for logical_id, resource in kept.items()
    }
    if resources != kept:
        resources |= _custom_resource_function()
    return {**template, "Resources": resources}


def _is_omitted(resource: Mapping[str, Any]) -> bool:
    # MiniStack has no alarms on an expression of several metrics; it measures nothing of them either
    on_expression = resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]
    return on_expression or resource["Type"] in OMITTED_TYPES


def _custom_resource(resource: dict[str, Any]) -> dict[str, Any]:
    properties = {
        "ServiceToken": {"Fn::GetAtt": [FUNCTION_ID, "Arn"]},
        "ResourceType": resource["Type"],
        **resource["Properties"],
    }
    return {**resource, "Type": "AWS::CloudFormation::CustomResource", "Properties": properties}


def _custom_resource_function() -> dict[str, Any]:
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    allow = {"Effect": "Allow", "Action": ["ses:*", "events:*"], "Resource": "*"}
    return {
        ROLE_ID: {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
                "Policies": [
                    {
                        "PolicyName": "create-resources",
                        "PolicyDocument": {"Version": "2012-10-17", "Statement": [allow]},
                    }
                ],
            },
        },
        FUNCTION_ID: {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": f"python{sys.version_info.major}.{sys.version_info.minor}",
                "Handler": "index.handler",
                "Timeout": 60,
                "Role": {"Fn::GetAtt": [ROLE_ID, "Arn"]},
                "Code": {"ZipFile": _SOURCE.read_text()},
            },
        },
    }


def adapt(source: Path, target: Path) -> None:
    """Copy a cloud assembly with adapted templates, those of CDK stages too, for `cdk deploy --app`."""
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(source, target)
    for path in target.rglob("*.template.json"):
        path.write_text(json.dumps(adapt_template(json.loads(path.read_text())), indent=1))


def regions(source: Path) -> dict[str, str]:
    """Return the region of each stack of a cloud assembly that is for one, by the stack's id.

    https://docs.aws.amazon.com/cdk/api/v2/docs/cloud-assembly-schema-readme.html
    """
    found = {}
    for manifest in source.rglob("manifest.json"):
        for name, artifact in json.loads(manifest.read_text()).get("artifacts", {}).items():
            region = artifact.get("environment", "").rpartition("/")[2]
            if artifact["type"] == "aws:cloudformation:stack" and region != UNKNOWN_REGION:
                found[name] = region
    return found

"""The synthesized stacks, adapted to the embedded AWS: what its CloudFormation lacks is replaced."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mailbus_local.stand_in_function import STAND_INS

if TYPE_CHECKING:
    from collections.abc import Mapping

FUNCTION_ID: Final = "StandInFunction"
ROLE_ID: Final = "StandInRole"
_SOURCE: Final = Path(__file__).with_name("stand_in_function.py")
_NO_REGISTRY: Final = (
    "MiniStack has no schema registry, neither in CloudFormation nor as an API that a stand-in could call; "
    "nothing that runs reads it"
)
# Nothing else may refer to these: they are left out.
LEFT_OUT: Final[Mapping[str, str]] = {
    "AWS::EventSchemas::Registry": _NO_REGISTRY,
    "AWS::EventSchemas::Schema": _NO_REGISTRY,
}


def adapt_template(template: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is in `LEFT_OUT`; make custom resources with the same properties of `STAND_INS`."""
    kept = {
        logical_id: resource
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] not in LEFT_OUT
    }
    resources = {
        logical_id: _stand_in(resource) if resource["Type"] in STAND_INS else resource
        for logical_id, resource in kept.items()
    }
    if resources != kept:
        resources |= _function()
    return {**template, "Resources": resources}


def _stand_in(resource: dict[str, Any]) -> dict[str, Any]:
    properties = {
        "ServiceToken": {"Fn::GetAtt": [FUNCTION_ID, "Arn"]},
        "StandsInFor": resource["Type"],
        **resource["Properties"],
    }
    return {**resource, "Type": "AWS::CloudFormation::CustomResource", "Properties": properties}


def _function() -> dict[str, Any]:
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
                        "PolicyName": "make",
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
    """Copy a cloud assembly, its templates adapted, so that `cdk deploy --app` can deploy it."""
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(source, target)
    for path in target.glob("*.template.json"):
        path.write_text(json.dumps(adapt_template(json.loads(path.read_text())), indent=1))

"""A Lambda function that makes, by API, the resources that MiniStack's CloudFormation lacks.

The local deployment replaces each resource of a type in `STAND_INS` by a custom resource with
the same properties, handled here, so that references, order and deletion stay CloudFormation's.
This file is the whole function: it is put into the template as it is.
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

# type: (service, create, delete, {CloudFormation property: API parameter},
#        {parameter of delete: path in the create parameters}); the first of these is the `Ref`
STAND_INS: dict[str, tuple[str, str, str, dict[str, str], dict[str, tuple[str, ...]]]] = {
    "AWS::SES::ReceiptRuleSet": (
        "ses",
        "CreateReceiptRuleSet",
        "DeleteReceiptRuleSet",
        {},
        {"RuleSetName": ("RuleSetName",)},
    ),
    "AWS::SES::ReceiptRule": (
        "ses",
        "CreateReceiptRule",
        "DeleteReceiptRule",
        {},
        {"RuleName": ("Rule", "Name"), "RuleSetName": ("RuleSetName",)},
    ),
    "AWS::Events::Archive": (
        "events",
        "CreateArchive",
        "DeleteArchive",
        {"SourceArn": "EventSourceArn"},
        {"ArchiveName": ("ArchiveName",)},
    ),
}


def typed(value: Any, shape: Any) -> Any:
    """Undo CloudFormation's turning of numbers and booleans into text, by the API's own model."""
    match shape.type_name:
        case "structure":
            return {key: typed(item, shape.members[key]) for key, item in value.items()}
        case "list":
            return [typed(item, shape.member) for item in value]
        case "boolean":
            return value in (True, "true")
        case "integer" | "long":
            return int(value)
        case "string" if isinstance(value, dict):  # an event pattern
            return json.dumps(value)
        case _:
            return value


def apply(request: dict[str, Any], connect: Any) -> str:
    """Create, replace or delete one resource; returns its physical id, what `Ref` gives."""
    properties = dict(request["ResourceProperties"])
    properties.pop("ServiceToken")
    kind = properties.pop("StandsInFor")
    service, create, delete, renames, keys = STAND_INS[kind]
    client = connect(service)

    def call(operation: str, parameters: dict[str, Any]) -> None:
        shape = client.meta.service_model.operation_model(operation).input_shape
        method = {api: python for python, api in client.meta.method_to_api_mapping.items()}[operation]
        getattr(client, method)(**typed(parameters, shape))

    def identity(given: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for parameter, path in keys.items():
            value: Any = given
            for step in path:
                value = value[step]
            found[parameter] = value
        return found

    wanted = {renames.get(name, name): value for name, value in properties.items()}
    if request["RequestType"] == "Delete":
        call(delete, identity(wanted))
        return str(request["PhysicalResourceId"])
    if request["RequestType"] == "Update":
        before = dict(request["OldResourceProperties"])
        call(delete, identity({renames.get(name, name): value for name, value in before.items()}))
    call(create, wanted)
    return str(next(iter(identity(wanted).values())))


def handler(event: dict[str, Any], _context: object) -> None:
    """Answer CloudFormation, whatever happens."""
    import boto3  # noqa: PLC0415 - the local deployer reads the table above without it

    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer["PhysicalResourceId"] = event.get("PhysicalResourceId", "none")
    try:
        answer["PhysicalResourceId"] = apply(event, boto3.client)
        answer["Status"] = "SUCCESS"
    except Exception as error:  # noqa: BLE001 - CloudFormation has to be told of any
        answer |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}"}
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT")  # noqa: S310 - MiniStack's own
    with urllib.request.urlopen(request):  # noqa: S310 - MiniStack's own
        pass

"""A Lambda function that makes, by API, the resources that MiniStack's CloudFormation lacks.

The local deployment replaces each resource of a type in `STAND_INS` by a custom resource with
the same properties, handled here, so that references, order and deletion stay CloudFormation's.
This file is the whole function: it is put into the template as it is.
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any, NamedTuple


class StandIn(NamedTuple):
    """How a resource type is made by API."""

    service: str
    create: str
    delete: str
    # what identifies it: {parameter of `delete`: path in those of `create`}; the first is the `Ref`
    keys: dict[str, tuple[str, ...]]
    # {CloudFormation property: API parameter}, where they differ; None leaves it out
    renames: dict[str, str | None] = {}  # noqa: RUF012 - a NamedTuple's default
    # {what `Fn::GetAtt` names: member of `create`'s answer}
    gives: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default


# The physical id of what could not be made. CloudFormation deletes that too when it rolls back, and
# under the resource's name there may be somebody else's.
NEVER_MADE = "never-made"

STAND_INS = {
    "AWS::SES::ReceiptRuleSet": StandIn(
        service="ses",
        create="CreateReceiptRuleSet",
        delete="DeleteReceiptRuleSet",
        keys={"RuleSetName": ("RuleSetName",)},
    ),
    "AWS::SES::ReceiptRule": StandIn(
        service="ses",
        create="CreateReceiptRule",
        delete="DeleteReceiptRule",
        keys={"RuleName": ("Rule", "Name"), "RuleSetName": ("RuleSetName",)},
    ),
    # MiniStack makes it, but without the attributes that name its DKIM records.
    "AWS::SES::EmailIdentity": StandIn(
        service="sesv2",
        create="CreateEmailIdentity",
        delete="DeleteEmailIdentity",
        keys={"EmailIdentity": ("EmailIdentity",)},
        renames={"DkimAttributes": None},
    ),
    "AWS::Events::Archive": StandIn(
        service="events",
        create="CreateArchive",
        delete="DeleteArchive",
        keys={"ArchiveName": ("ArchiveName",)},
        renames={"SourceArn": "EventSourceArn", "KmsKeyIdentifier": None},
    ),
    "AWS::Events::Connection": StandIn(
        service="events",
        create="CreateConnection",
        delete="DeleteConnection",
        keys={"Name": ("Name",)},
        gives={"Arn": "ConnectionArn", "ArnForPolicy": "ConnectionArn"},
    ),
    "AWS::Events::ApiDestination": StandIn(
        service="events",
        create="CreateApiDestination",
        delete="DeleteApiDestination",
        keys={"Name": ("Name",)},
        gives={"Arn": "ApiDestinationArn", "ArnForPolicy": "ApiDestinationArn"},
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


def made_up_name(request: dict[str, Any]) -> str:
    """Name a resource whose template does not, as CloudFormation does; the same for each request."""
    stack = request["StackId"].split("/")[1]
    return f"{stack[-20:]}-{request['LogicalResourceId']}"[:48].strip("-")


def parameters(properties: dict[str, Any], request: dict[str, Any], stand_in: StandIn) -> dict[str, Any]:
    """Turn a resource's CloudFormation properties into the parameters of its `create`."""
    names = {name: stand_in.renames.get(name, name) for name in properties}
    given = {
        new: properties[old]
        for old, new in names.items()
        if new is not None and old not in {"ServiceToken", "StandsInFor"}
    }
    name, path = next(iter(stand_in.keys.items()))
    return given if path != (name,) else {name: made_up_name(request), **given}


def identity(given: dict[str, Any], stand_in: StandIn) -> dict[str, Any]:
    """Pick the parameters of `delete` out of those of `create`."""
    found = {}
    for parameter, path in stand_in.keys.items():
        value: Any = given
        for step in path:
            value = value[step]
        found[parameter] = value
    return found


def attributes(answer: dict[str, Any], physical_id: str, stand_in: StandIn) -> dict[str, str]:
    """Say what `Fn::GetAtt` gives: of an identity, the CNAME records of its DKIM tokens."""
    tokens = answer.get("DkimAttributes", {}).get("Tokens", [])
    records = {name: answer[member] for name, member in stand_in.gives.items()}
    for number, token in enumerate(tokens, 1):
        records[f"DkimDNSTokenName{number}"] = f"{token}._domainkey.{physical_id}"
        records[f"DkimDNSTokenValue{number}"] = f"{token}.dkim.amazonses.com"
    return records


def apply(request: dict[str, Any], connect: Any) -> tuple[str, dict[str, str]]:
    """Create, replace or delete one resource; returns its physical id and attributes."""
    properties = request["ResourceProperties"]
    stand_in = STAND_INS[properties["StandsInFor"]]
    client = connect(stand_in.service)

    def call(operation: str, given: dict[str, Any]) -> dict[str, Any]:
        shape = client.meta.service_model.operation_model(operation).input_shape
        method = {api: python for python, api in client.meta.method_to_api_mapping.items()}[operation]
        return dict(getattr(client, method)(**typed(given, shape)))

    wanted = parameters(properties, request, stand_in)
    if request["RequestType"] == "Delete":
        if request["PhysicalResourceId"] == NEVER_MADE:
            return NEVER_MADE, {}
        call(stand_in.delete, identity(wanted, stand_in))
        return request["PhysicalResourceId"], {}
    if request["RequestType"] == "Update":
        before = parameters(request["OldResourceProperties"], request, stand_in)
        call(stand_in.delete, identity(before, stand_in))
    answer = call(stand_in.create, wanted)
    physical_id = str(next(iter(identity(wanted, stand_in).values())))
    return physical_id, attributes(answer, physical_id, stand_in)


def handler(event: dict[str, Any], _context: object) -> None:
    """Answer CloudFormation, whatever happens."""
    import boto3  # noqa: PLC0415 - the local deployer reads the table above without it

    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer["PhysicalResourceId"] = event.get("PhysicalResourceId", NEVER_MADE)
    try:
        answer["PhysicalResourceId"], answer["Data"] = apply(event, boto3.client)
        answer["Status"] = "SUCCESS"
    except Exception as error:  # noqa: BLE001 - CloudFormation has to be told of any
        answer |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}"}
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT")  # noqa: S310 - MiniStack's own
    with urllib.request.urlopen(request):  # noqa: S310 - MiniStack's own
        pass

"""A Lambda function that creates, by API, the resources that MiniStack's CloudFormation does not support.

The local deployment replaces each resource of a type in `REPLACED_TYPES` by a custom resource with the same
properties, so that CloudFormation still handles references, order and deletion. This file is the code of the
function: the template contains it inline.
"""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any, NamedTuple


class ApiResource(NamedTuple):
    """The API operations of a resource type."""

    service: str
    create: str
    delete: str
    # {parameter of `delete`: path in the parameters of `create`}; the first value is the `Ref`
    keys: dict[str, tuple[str, ...]]
    # {CloudFormation property: API parameter} where they differ; None drops the property
    renames: dict[str, str | None] = {}  # noqa: RUF012 - a NamedTuple's default
    # {attribute of `Fn::GetAtt`: member of the response of `create`}
    attributes: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default
    # {property that `create` does not take: operation that sets it}
    after: dict[str, str] = {}  # noqa: RUF012 - as above
    # {property: operation that changes it}; without any, an update deletes the resource and creates it again
    updates: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default


def event_destination(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of an event destination under the names of SES's second API."""
    destination = properties["EventDestination"]
    types = [re.sub("([A-Z])", r"_\1", name).upper() for name in destination["MatchingEventTypes"]]
    return {
        **properties,
        "EventDestinationName": destination["Name"],
        "EventDestination": {
            "Enabled": destination["Enabled"],
            "MatchingEventTypes": types,
            "SnsDestination": {"TopicArn": destination["SnsDestination"]["TopicARN"]},
        },
    }


# The physical id of a resource that could not be created. CloudFormation deletes it when it rolls back, and a
# resource of the same name may belong to somebody else.
NOT_CREATED = "not-created"

# Types whose properties are not those of the API.
CONVERSIONS = {"AWS::SES::ConfigurationSetEventDestination": event_destination}

REPLACED_TYPES = {
    "AWS::SES::ReceiptRuleSet": ApiResource(
        service="ses",
        create="CreateReceiptRuleSet",
        delete="DeleteReceiptRuleSet",
        keys={"RuleSetName": ("RuleSetName",)},
    ),
    "AWS::SES::ReceiptRule": ApiResource(
        service="ses",
        create="CreateReceiptRule",
        delete="DeleteReceiptRule",
        keys={"RuleName": ("Rule", "Name"), "RuleSetName": ("RuleSetName",)},
    ),
    # MiniStack supports these three, but creates them without SES's checks, and an identity without the
    # attributes of its DKIM records.
    "AWS::SES::ConfigurationSet": ApiResource(
        service="sesv2",
        create="CreateConfigurationSet",
        delete="DeleteConfigurationSet",
        keys={"ConfigurationSetName": ("ConfigurationSetName",)},
        renames={"Name": "ConfigurationSetName"},
        # Its event destinations are resources of their own, which would be deleted with it.
        updates={"TrackingOptions": "PutConfigurationSetTrackingOptions"},
    ),
    "AWS::SES::ConfigurationSetEventDestination": ApiResource(
        service="sesv2",
        create="CreateConfigurationSetEventDestination",
        delete="DeleteConfigurationSetEventDestination",
        keys={
            "EventDestinationName": ("EventDestinationName",),
            "ConfigurationSetName": ("ConfigurationSetName",),
        },
    ),
    "AWS::SES::EmailIdentity": ApiResource(
        service="sesv2",
        create="CreateEmailIdentity",
        delete="DeleteEmailIdentity",
        keys={"EmailIdentity": ("EmailIdentity",)},
        renames={"DkimAttributes": None},
        after={"MailFromAttributes": "PutEmailIdentityMailFromAttributes"},
    ),
    "AWS::Events::Archive": ApiResource(
        service="events",
        create="CreateArchive",
        delete="DeleteArchive",
        keys={"ArchiveName": ("ArchiveName",)},
        renames={"SourceArn": "EventSourceArn", "KmsKeyIdentifier": None},
    ),
    "AWS::Events::Connection": ApiResource(
        service="events",
        create="CreateConnection",
        delete="DeleteConnection",
        keys={"Name": ("Name",)},
        attributes={"Arn": "ConnectionArn", "ArnForPolicy": "ConnectionArn"},
    ),
    "AWS::Events::ApiDestination": ApiResource(
        service="events",
        create="CreateApiDestination",
        delete="DeleteApiDestination",
        keys={"Name": ("Name",)},
        attributes={"Arn": "ApiDestinationArn", "ArnForPolicy": "ApiDestinationArn"},
    ),
}


def restore_types(value: Any, shape: Any) -> Any:
    """Convert CloudFormation's texts back to numbers and booleans, by the API's model."""
    match shape.type_name:
        case "structure":
            return {key: restore_types(item, shape.members[key]) for key, item in value.items()}
        case "list":
            return [restore_types(item, shape.member) for item in value]
        case "boolean":
            return value in (True, "true")
        case "integer" | "long":
            return int(value)
        case "string" if isinstance(value, dict):  # an event pattern
            return json.dumps(value)
        case _:
            return value


def generated_name(request: dict[str, Any]) -> str:
    """Return the generated name of a resource without one, the same for each request."""
    stack = request["StackId"].split("/")[1]
    return f"{stack[-20:]}-{request['LogicalResourceId']}"[:48].strip("-")


def parameters(properties: dict[str, Any], request: dict[str, Any], api: ApiResource) -> dict[str, Any]:
    """Return the parameters of `create` for a resource's CloudFormation properties."""
    convert = CONVERSIONS.get(properties["ResourceType"])
    properties = convert(properties) if convert else properties
    names = {name: api.renames.get(name, name) for name in properties}
    given = {
        new: properties[old]
        for old, new in names.items()
        if new is not None and old not in {"ServiceToken", "ResourceType"}
    }
    name, path = next(iter(api.keys.items()))
    return given if path != (name,) else {name: generated_name(request), **given}


def identity(given: dict[str, Any], api: ApiResource) -> dict[str, Any]:
    """Return the parameters of `delete` for those of `create`."""
    found = {}
    for parameter, path in api.keys.items():
        value: Any = given
        for step in path:
            value = value[step]
        found[parameter] = value
    return found


def resource_attributes(answer: dict[str, Any], physical_id: str, api: ApiResource) -> dict[str, str]:
    """Return the attributes of `Fn::GetAtt`. An identity has the CNAME records of its DKIM tokens."""
    tokens = answer.get("DkimAttributes", {}).get("Tokens", [])
    records = {name: answer[member] for name, member in api.attributes.items()}
    for number, token in enumerate(tokens, 1):
        records[f"DkimDNSTokenName{number}"] = f"{token}._domainkey.{physical_id}"
        records[f"DkimDNSTokenValue{number}"] = f"{token}.dkim.amazonses.com"
    return records


def apply(request: dict[str, Any], connect: Any) -> tuple[str, dict[str, str]]:
    """Create, replace or delete a resource. Return its physical id and attributes."""
    properties = request["ResourceProperties"]
    api = REPLACED_TYPES[properties["ResourceType"]]
    client = connect(api.service)

    def call(operation: str, given: dict[str, Any]) -> dict[str, Any]:
        shape = client.meta.service_model.operation_model(operation).input_shape
        method = {api: python for python, api in client.meta.method_to_api_mapping.items()}[operation]
        return dict(getattr(client, method)(**restore_types(given, shape)))

    wanted = parameters(properties, request, api)
    if request["RequestType"] == "Delete":
        if request["PhysicalResourceId"] == NOT_CREATED:
            return NOT_CREATED, {}
        call(api.delete, identity(wanted, api))
        return request["PhysicalResourceId"], {}
    if request["RequestType"] == "Update":
        before = identity(parameters(request["OldResourceProperties"], request, api), api)
        if api.updates and before == identity(wanted, api):
            for name, operation in api.updates.items():
                call(operation, {**before, **wanted.get(name, {})})
            return request["PhysicalResourceId"], {}
        call(api.delete, before)
    key = identity(wanted, api)
    answer = call(api.create, {name: value for name, value in wanted.items() if name not in api.after})
    for name, operation in api.after.items():
        if name in wanted:
            call(operation, {**key, **wanted[name]})
    physical_id = str(next(iter(key.values())))
    return physical_id, resource_attributes(answer, physical_id, api)


def handler(event: dict[str, Any], _context: object) -> None:
    """Respond to CloudFormation in any case."""
    import boto3  # noqa: PLC0415 - the local deployment imports the table without it

    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer["PhysicalResourceId"] = event.get("PhysicalResourceId", NOT_CREATED)
    try:
        answer["PhysicalResourceId"], answer["Data"] = apply(event, boto3.client)
        answer["Status"] = "SUCCESS"
    except Exception as error:  # noqa: BLE001 - CloudFormation waits for a response
        answer |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}"}
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT")  # noqa: S310 - MiniStack's own
    with urllib.request.urlopen(request):  # noqa: S310 - MiniStack's own
        pass

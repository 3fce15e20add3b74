"""The schema registry, in the templates of a stage and of the local deployment."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft4Validator

from mailbus.schemas.events import event_schemas
from mailbus_local.assembly import OMITTED_TYPES, adapt_template

if TYPE_CHECKING:
    from tests.infra.templates import Templates

REGISTRY = "AWS::EventSchemas::Registry"
SCHEMA = "AWS::EventSchemas::Schema"
# of CreateSchema, in AWS's model of the API; the limits of names are those that Terraform goes by
CONTENT_CHARACTERS = 100_000
DESCRIPTION_CHARACTERS = 256
NAME = re.compile(r"[._\-@A-Za-z0-9]{1,385}")
REGISTRY_NAME = re.compile(r"[._\-A-Za-z0-9]{1,64}")
# of a template in S3, where the CDK stores it
TEMPLATE_BYTES = 1_000_000


def test_a_stage_has_a_registry_of_its_own_name(prod: Templates) -> None:
    registry = prod.one(REGISTRY)
    assert registry.stack == "state"
    assert registry.properties["RegistryName"] == "mailbus-prod"
    assert REGISTRY_NAME.fullmatch(registry.properties["RegistryName"])


def test_the_registry_has_the_schema_of_every_type_of_event(prod: Templates) -> None:
    registered = {
        resource.properties["SchemaName"]: json.loads(resource.properties["Content"])
        for resource in prod.of_type(SCHEMA)
    }
    assert registered == {event.name: event.schema for event in event_schemas()}
    assert "mailbus@email.bounced" in registered


def test_every_schema_is_in_the_registry_of_the_stage(prod: Templates) -> None:
    registry = prod.one(REGISTRY)
    for resource in prod.of_type(SCHEMA):
        assert resource.properties["RegistryName"] == {"Fn::GetAtt": [registry.logical_id, "RegistryName"]}, (
            "by reference: the registry is created first and deleted last"
        )


def test_every_schema_is_within_the_limits_of_the_registry(prod: Templates) -> None:
    for resource in prod.of_type(SCHEMA):
        assert resource.properties["Type"] == "JSONSchemaDraft4"
        Draft4Validator.check_schema(json.loads(resource.properties["Content"]))
        assert len(resource.properties["Content"]) <= CONTENT_CHARACTERS
        assert len(resource.properties["Description"]) <= DESCRIPTION_CHARACTERS
        assert NAME.fullmatch(resource.properties["SchemaName"])
    assert prod.files["state"].stat().st_size < TEMPLATE_BYTES / 2


def test_no_registry_is_retained_since_its_name_would_fail_the_next_deployment(prod: Templates) -> None:
    for resource in (prod.one(REGISTRY), *prod.of_type(SCHEMA)):
        assert resource.deletion_policy in {None, "Delete"}


@pytest.mark.parametrize("kind", [REGISTRY, SCHEMA])
def test_the_local_deployment_leaves_out_what_the_embedded_aws_lacks(local: Templates, kind: str) -> None:
    template = local.raw["state"]
    left_out = {name for name, body in template["Resources"].items() if body["Type"] == kind}
    assert left_out
    adapted = json.dumps(adapt_template(template))
    assert not any(f'"{name}"' in adapted for name in left_out), "a resource refers to it"
    assert len(OMITTED_TYPES[kind]) > 40, "it has the reason"

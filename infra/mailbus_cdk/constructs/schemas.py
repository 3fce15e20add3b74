"""The schemas of the events in EventBridge's schema registry, for the console, IDEs and code bindings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from aws_cdk import aws_eventschemas as eventschemas
from constructs import Construct

from mailbus.schemas.events import event_schemas

if TYPE_CHECKING:
    from mailbus_cdk.settings import Settings

# https://docs.aws.amazon.com/eventbridge/latest/schema-reference/v1-registries-name-registryname-schemas-name-schemaname.html
DRAFT_4: Final = "JSONSchemaDraft4"


class Schemas(Construct):
    """A registry with one schema for each `detail-type`.

    It is deleted with the stack in every stage: the code creates it again, and the name of a retained
    registry would make the next deployment fail.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        registry = eventschemas.CfnRegistry(
            self,
            "Registry",
            registry_name=settings.name,
            description="Mailbus: the events on its bus",
        )
        for event in event_schemas():
            eventschemas.CfnSchema(
                self,
                event.detail_type,
                registry_name=registry.attr_registry_name,
                schema_name=event.name,
                type=DRAFT_4,
                description=event.description,
                content=json.dumps(event.schema, separators=(",", ":")),
            )

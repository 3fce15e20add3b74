"""JSON Schemas of the events, one per `detail-type`, generated from their types.

Each describes a whole event as the target of a rule gets it, with EventBridge's own fields and `detail`, in
JSON Schema draft 4, which EventBridge's schema registry requires
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-schema-create.html).
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
from msgspec import inspect as shapes

from mailbus.events import SCHEMA_VERSION, SOURCE, AnyEvent, EmailEvent, InboundEvent, LaneEvent, detail_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus.events import EventType, LaneEventType


class EventSchema(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON Schema of the events of one `detail-type`, and its description in one sentence."""

    detail_type: str
    description: str
    schema: dict[str, Any]

    @property
    def name(self) -> str:
        """The name in the registry: `<source>@<detail-type>`, as AWS names its own schemas."""
        return f"{SOURCE}@{self.detail_type}"


class EventKind(msgspec.Struct, frozen=True, kw_only=True):
    """Events of one type; the fields in `present` may be null in other types, but never in this one."""

    description: str
    struct: type[AnyEvent] = EmailEvent
    present: tuple[str, ...] = ()


KINDS: Final[Mapping[EventType | LaneEventType, EventKind]] = {
    "queued": EventKind(
        description="SES accepted the mail.",
        present=("message_id", "job_id", "recipient"),
    ),
    "sent": EventKind(description="SES will try to deliver the mail."),
    "rejected": EventKind(
        description="SES refused the message, or found a virus in it.",
        present=("reject_reason", "error_code"),
    ),
    "failed": EventKind(
        description="The mail is not sent; `description` says what to fix.",
        present=("error_code",),
    ),
    "bounced": EventKind(
        description="The mail was not delivered, and SES does not retry.",
        present=("reject_reason", "bounce"),
    ),
    "autoresponded": EventKind(
        description="An automatic reply, such as of an absent recipient; the mail was delivered.",
        present=("bounce",),
    ),
    "deferred": EventKind(
        description="The mail is not delivered yet; SES retries.",
        present=("delay",),
    ),
    "delivered": EventKind(
        description="The recipient's server accepted the mail.",
        present=("delivery",),
    ),
    "opened": EventKind(description="The mail's tracking pixel was fetched."),
    "clicked": EventKind(description="A tracked link was followed."),
    "complained": EventKind(
        description="The recipient marked the mail as spam.",
        present=("complaint",),
    ),
    "unsubscribed": EventKind(
        description="The recipient left a contact list, or a topic of it.",
        present=("subscription",),
    ),
    "subscribed": EventKind(
        description="The recipient changed the preferences of a contact list, without leaving it or a topic.",
        present=("subscription",),
    ),
    "inbound": EventKind(
        description="A mail was received.",
        struct=InboundEvent,
        present=("message_id", "message", "raw"),
    ),
    "inbound_failed": EventKind(
        description="A received mail could not be read; `raw` is the S3 object that has it.",
        struct=InboundEvent,
        present=("message_id", "description", "raw"),
    ),
    "unknown": EventKind(
        description="SES reported an event that this version of Mailbus does not know; see `esp_event`."
    ),
    "lane_paused": EventKind(
        description="A lane was paused: its jobs wait until it is resumed.",
        struct=LaneEvent,
    ),
    "lane_resumed": EventKind(
        description="A lane was resumed: its jobs are sent again.",
        struct=LaneEvent,
        present=("paused_at",),
    ),
}

_DATE_TIME: Final = {"type": "string", "format": "date-time"}
# https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
ENVELOPE: Final[Mapping[str, Mapping[str, Any]]] = {
    "version": {"type": "string"},
    "id": {"type": "string", "description": "EventBridge's own id; a repeated event has another one."},
    "account": {"type": "string"},
    "time": {**_DATE_TIME, "description": "`detail.timestamp`, to the second."},
    "region": {"type": "string"},
    "resources": {
        "type": "array",
        "items": {"type": "string"},
        "description": "ARNs of the identity, the configuration set and the topic, if SES named them.",
    },
}
OF_REPLAYS: Final[Mapping[str, Mapping[str, Any]]] = {
    "replay-name": {"type": "string", "description": "The replay that brought the event out of the archive."},
}
_SCALARS: Final[Mapping[type[shapes.Type], str]] = {
    shapes.StrType: "string",
    shapes.IntType: "integer",
    shapes.FloatType: "number",
    shapes.BoolType: "boolean",
    shapes.NoneType: "null",
}


def event_schemas() -> tuple[EventSchema, ...]:
    """Return the schemas of all events that Mailbus puts on its bus.

    They allow other fields, which a newer Mailbus may add.
    """
    return tuple(
        EventSchema(
            detail_type=detail_type(event_type),
            description=kind.description,
            schema=_whole(event_type, kind),
        )
        for event_type, kind in KINDS.items()
    )


def summary(struct: type) -> str:
    """Return the first paragraph of a struct's description, on one line."""
    return inspect.cleandoc(struct.__doc__ or "").partition("\n\n")[0].replace("\n", " ")


def _whole(event_type: EventType | LaneEventType, kind: EventKind) -> dict[str, Any]:
    name = detail_type(event_type)
    definitions: dict[str, dict[str, Any]] = {}
    properties = {
        **ENVELOPE,
        "source": {"type": "string", "enum": [SOURCE]},
        "detail-type": {"type": "string", "enum": [name]},
        "detail": _detail(event_type, kind, definitions),
    }
    return {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "title": name,
        "description": kind.description,
        # the registry, and tools that read it, find the schema of an event by these
        "x-amazon-events-source": SOURCE,
        "x-amazon-events-detail-type": name,
        "type": "object",
        "required": sorted(properties),
        "properties": {**properties, **OF_REPLAYS},
        "definitions": dict(sorted(definitions.items())),
    }


def _detail(
    event_type: EventType | LaneEventType, kind: EventKind, definitions: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    struct = cast("shapes.StructType", shapes.type_info(kind.struct))
    described = _properties(struct, definitions, present=kind.present)
    fields = described["properties"]
    fields |= {
        "event_type": {**fields["event_type"], "enum": [event_type]},
        "schema_version": {**fields["schema_version"], "enum": [SCHEMA_VERSION]},
    }
    return described


def _properties(
    struct: shapes.StructType, definitions: dict[str, dict[str, Any]], *, present: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the schema of an object; every field is required, since every one is always written."""
    fields = {field.encode_name: field.type for field in struct.fields}
    return {
        "type": "object",
        "description": summary(struct.cls),
        "required": sorted(fields),
        "properties": {
            name: _field(kind, definitions, never_null=name in present) for name, kind in fields.items()
        },
    }


def _field(kind: shapes.Type, definitions: dict[str, dict[str, Any]], *, never_null: bool) -> dict[str, Any]:
    inner, description = kind, {}
    if isinstance(kind, shapes.Metadata):
        inner, description = kind.type, kind.extra_json_schema or {}
    described = _described(without_null(inner) if never_null else inner, definitions)
    # draft 4 ignores the siblings of a reference
    return described if "$ref" in described else {**described, **description}


def without_null(kind: shapes.Type) -> shapes.Type:
    """Return the type of a field that may be null, if it is not null."""
    if not isinstance(kind, shapes.UnionType):
        return kind
    return next(member for member in kind.types if not isinstance(member, shapes.NoneType))


def _described(kind: shapes.Type, definitions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    described: dict[str, Any]
    match kind:
        case shapes.UnionType(types=types):
            described = _any_of([_described(member, definitions) for member in types])
        case shapes.StructType(cls=struct):
            if struct.__name__ not in definitions:
                definitions[struct.__name__] = _properties(kind, definitions)
            described = {"$ref": f"#/definitions/{struct.__name__}"}
        case shapes.VarTupleType(item_type=item):
            described = {"type": "array", "items": _described(item, definitions)}
        case shapes.TupleType(item_types=items):
            members = [_described(item, definitions) for item in items]
            described = {"type": "array", "items": members, "minItems": len(items), "maxItems": len(items)}
        case shapes.DictType(value_type=shapes.AnyType()):
            described = {"type": "object"}
        case shapes.DictType(value_type=value):
            described = {"type": "object", "additionalProperties": _described(value, definitions)}
        case shapes.LiteralType(values=values):
            described = {"type": "string", "enum": list(values)}
        case shapes.DateTimeType():
            described = dict(_DATE_TIME)
        case _:
            described = {"type": _SCALARS[type(kind)]}
    return described


def _any_of(members: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one list of types for plain types, which people and code generators read more easily."""
    if all(member.keys() == {"type"} for member in members):
        return {"type": [member["type"] for member in members]}
    return {"anyOf": members}

from __future__ import annotations

import copy
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, FormatChecker
from msgspec import inspect

from mailbus.bus_entries import bus_entry
from mailbus.events import (
    AnyEvent,
    EmailEvent,
    EventType,
    InboundEvent,
    LaneEvent,
    LaneEventType,
    detail_type,
    parse,
)
from mailbus.schemas.events import event_schemas
from mailbus.schemas.publishing import published
from tests.unit.mailbus.whole_events import golden_details, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parents[4] / "docs"
SCHEMAS = {event.detail_type: event for event in event_schemas()}
GOLDEN = list(golden_details())
# these are null in events of other types
NEVER_NULL = {
    "email.queued": {"message_id", "job_id", "recipient"},
    "email.rejected": {"reject_reason", "error_code"},
    "email.failed": {"error_code"},
    "email.bounced": {"reject_reason", "bounce"},
    "email.autoresponded": {"bounce"},
    "email.deferred": {"delay"},
    "email.delivered": {"delivery"},
    "email.complained": {"complaint"},
    "email.unsubscribed": {"subscription"},
    "email.subscribed": {"subscription"},
    "email.inbound": {"message_id", "message", "raw"},
    "email.inbound_failed": {"message_id", "description", "raw"},
    "mailbus.lane_resumed": {"paused_at"},
}
FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def faults(event: dict[str, Any]) -> list[str]:
    """What the schema of its type has against an event, by the path of each fault."""
    schema = SCHEMAS[event["detail-type"]].schema
    return sorted(
        fault.json_path for fault in Draft4Validator(schema, format_checker=FORMATS).iter_errors(event)
    )


def documented_events() -> list[dict[str, Any]]:
    """Every example in docs/ that is a whole event."""
    blocks = [
        json.loads(text)
        for page in sorted(DOCS.glob("*.md"))
        for text in re.findall(
            r"^```json\n(\{.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
    ]
    return [block for block in blocks if block.get("source") == "mailbus" and "detail" in block]


# The schemas themselves


def test_every_type_that_occurs_has_its_schema() -> None:
    own = {f"mailbus.{name}" for name in get_args(LaneEventType)}
    assert SCHEMAS.keys() == {f"email.{name}" for name in get_args(EventType)} | own


@pytest.mark.parametrize("path", sorted(published()))
def test_the_published_schemas_are_up_to_date(path: str) -> None:
    assert (DOCS / path).read_text(encoding="utf-8") == published()[path], "write it again: make schemas"


def test_no_other_schema_is_published() -> None:
    there = {path.stem for path in (DOCS / "schemas").iterdir()}
    assert there == SCHEMAS.keys()


@pytest.mark.parametrize("detail_type", sorted(SCHEMAS))
def test_a_schema_is_one_of_draft_4_and_complete_in_itself(detail_type: str) -> None:
    schema = SCHEMAS[detail_type].schema
    Draft4Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-04/schema#"
    text = json.dumps(schema)
    referred = set(re.findall(r'"#/definitions/(\w+)"', text))
    assert referred == schema["definitions"].keys()
    assert text.count('"$ref"') == len(re.findall(r'"\$ref": "#/definitions/', text))
    # of later drafts
    assert not {"$defs", "const", "prefixItems", "examples", "$id"} & set(re.findall(r'"(\$?\w+)":', text))


@pytest.mark.parametrize("detail_type", sorted(SCHEMAS))
def test_a_schema_has_a_description_of_its_events(detail_type: str) -> None:
    event = SCHEMAS[detail_type]
    assert event.name == f"mailbus@{detail_type}"
    assert event.schema["title"] == detail_type
    assert event.schema["description"] == event.description
    assert event.description.endswith(".")


def test_each_field_of_an_event_is_described_or_an_object_that_is() -> None:
    for event in SCHEMAS.values():
        for name, field in event.schema["properties"]["detail"]["properties"].items():
            assert field.get("description") or "#/definitions/" in json.dumps(field) or name in PLAIN, name
        for name, definition in event.schema["definitions"].items():
            assert definition["description"].endswith("."), name


# verdicts are SES's own words, and named as SES names them
PLAIN = {"spam_verdict", "virus_verdict", "spf_verdict", "dkim_verdict", "dmarc_verdict", "dmarc_policy"}


def test_schemas_are_the_same_each_time() -> None:
    assert event_schemas() == event_schemas()
    assert [event.detail_type for event in event_schemas()] == list(SCHEMAS)


# What they take


@pytest.mark.parametrize(("name", "detail"), GOLDEN, ids=[name for name, _ in GOLDEN])
def test_an_event_that_other_tests_expect_is_as_its_schema_says(name: str, detail: dict[str, Any]) -> None:
    assert faults(whole(detail)) == [], name


@pytest.mark.parametrize("example", documented_events(), ids=lambda example: example["detail-type"])
def test_an_example_in_the_documentation_is_as_its_schema_says(example: dict[str, Any]) -> None:
    assert faults(example) == []
    assert detail_type(parse(example).event_type) == example["detail-type"]


def test_the_documentation_has_an_example_of_each_type() -> None:
    assert {example["detail-type"] for example in documented_events()} == SCHEMAS.keys()


def values(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Values of a field's type."""
    made: st.SearchStrategy[Any]
    match kind:
        case inspect.Metadata(type=inner):
            made = values(inner)
        case inspect.UnionType(types=types):
            made = st.one_of([values(member) for member in types])
        case inspect.StructType(cls=struct, fields=fields):
            made = st.builds(struct, **{field.name: values(field.type) for field in fields})
        case inspect.VarTupleType(item_type=item):
            made = st.lists(values(item), max_size=2).map(tuple)
        case inspect.TupleType(item_types=items):
            made = st.tuples(*(values(item) for item in items))
        case inspect.DictType(value_type=inspect.AnyType()):
            made = st.just({"eventType": "Open", "open": {"isBotEvent": None, "geo": [1.5, {"city": ""}]}})
        case inspect.DictType(value_type=value):
            made = st.dictionaries(st.text(max_size=8), values(value), max_size=2)
        case inspect.LiteralType(values=members):
            made = st.sampled_from(members)
        case _:
            made = SCALARS[type(kind)]
    return made


SCALARS: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.StrType: st.text(max_size=8),
    inspect.IntType: st.integers(-(2**63), 2**63 - 1),
    inspect.FloatType: st.floats(allow_nan=False, allow_infinity=False).filter(
        lambda value: value != int(value)
    ),
    inspect.BoolType: st.booleans(),
    inspect.NoneType: st.none(),
    inspect.DateTimeType: st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone is given
}


@st.composite
def events(draw: st.DrawFn) -> AnyEvent:
    """Any event that may occur: what its type always has is not null."""
    detail_type = draw(st.sampled_from(sorted(SCHEMAS)))
    group, _, event_type = detail_type.partition(".")
    kind = InboundEvent if event_type.startswith("inbound") else EmailEvent
    struct = LaneEvent if group == "mailbus" else kind
    shape = inspect.type_info(struct)
    assert isinstance(shape, inspect.StructType)
    drawn = {field.name: values(field.type) for field in shape.fields}
    drawn |= {
        name: drawn[name].filter(lambda value: value is not None) for name in NEVER_NULL.get(detail_type, ())
    }
    fixed = {"event_type": st.just(event_type), "schema_version": st.just(1)}
    event = draw(st.builds(struct, **{**drawn, **fixed}))
    assert isinstance(event, AnyEvent)
    return event


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(events())
def test_every_event_that_the_types_allow_is_as_its_schema_says_and_is_read_back(
    event: AnyEvent,
) -> None:
    on_the_bus = whole(json.loads(bus_entry(event).detail))
    assert faults(on_the_bus) == []
    assert parse(on_the_bus) == event


def test_a_replayed_event_is_as_its_schema_says() -> None:
    for _, detail in GOLDEN:
        assert faults(whole(detail, **{"replay-name": "after-the-outage"})) == []


def test_fields_that_a_newer_version_adds_are_no_fault() -> None:
    for _, detail in GOLDEN:
        newer = {**detail, "brand_indicator": {"shown": True}}
        newer |= {
            name: {**value, "new": 1}
            for name, value in detail.items()
            if name != "metadata" and _is_struct(value)
        }
        assert faults(whole(newer, new="field")) == []


def _is_struct(value: object) -> bool:
    return isinstance(value, dict) and not all(isinstance(member, list) for member in value.values())


# What they refuse


def _one_of_each() -> dict[str, dict[str, Any]]:
    return {example["detail-type"]: example for example in documented_events()}


def _broken(example: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Break an event in each way that its schema has to see, with the path of the fault."""
    for name in example:
        if name != "detail-type":
            yield "$", {key: value for key, value in example.items() if key != name}
    detail = example["detail"]
    for name in detail:
        yield "$.detail", {**example, "detail": {key: detail[key] for key in detail if key != name}}
        wrong = copy.deepcopy(example)
        wrong["detail"][name] = [[]]
        yield f"$.detail.{name}", wrong
    for name in NEVER_NULL.get(example["detail-type"], ()):
        yield f"$.detail.{name}", {**example, "detail": {**detail, name: None}}
    of_mail = () if example["detail-type"].startswith("mailbus.") else ("esp_name",)
    for name in ("event_type", "event_id", "timestamp", "schema_version", *of_mail):
        yield f"$.detail.{name}", {**example, "detail": {**detail, name: None}}
    other = "sent" if detail["event_type"] == "queued" else "queued"
    yield "$.detail.event_type", {**example, "detail": {**detail, "event_type": other}}
    yield "$.detail.schema_version", {**example, "detail": {**detail, "schema_version": 2}}
    yield "$.detail.timestamp", {**example, "detail": {**detail, "timestamp": "20 November"}}
    yield "$.source", {**example, "source": "aws.ses"}


@pytest.mark.parametrize("detail_type", sorted(SCHEMAS))
def test_a_schema_refuses_an_event_that_is_broken_anywhere(detail_type: str) -> None:
    for path, broken in _broken(_one_of_each()[detail_type]):
        assert any(fault.startswith(path) for fault in faults(broken)), path


@pytest.mark.parametrize("detail_type", sorted(SCHEMAS))
def test_an_event_of_one_type_is_not_valid_as_another(detail_type: str) -> None:
    example = _one_of_each()[detail_type]
    for other in SCHEMAS.keys() - {detail_type}:
        assert faults({**example, "detail-type": other})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reject_reason", "BOUNCED"),
        ("bot", "Likely"),
        ("metadata", {"order": [4711]}),
        ("message_tags", {"campaign": "autumn"}),
        ("tags", "shipping"),
        ("bounce", {"type": "Permanent"}),
        ("bounce", None),
        ("recipient_ambiguous", None),
        ("esp_event", "{}"),
        ("esp_event_ref", "s3://bucket/key"),
    ],
)
def test_our_own_words_are_closed_lists_and_objects_are_whole(field: str, value: object) -> None:
    example = _one_of_each()["email.bounced"]
    assert any(
        fault.startswith(f"$.detail.{field}")
        for fault in faults({**example, "detail": {**example["detail"], field: value}})
    )


@pytest.mark.parametrize("word", ["Permanent", "Mysterious"])
def test_ses_own_words_are_open_lists(word: str) -> None:
    example = copy.deepcopy(_one_of_each()["email.bounced"])
    example["detail"]["bounce"]["type"] = word
    assert faults(example) == []

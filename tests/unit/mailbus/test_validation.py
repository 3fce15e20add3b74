from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest

from mailbus.validation import Path, ValidationError, json_type, validate


class Wheel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    size: Annotated[int, msgspec.Meta(ge=10, le=30)]
    maker: Annotated[str, msgspec.Meta(min_length=2, max_length=5)] | None = None


class Bicycle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(extra={"also_called": ["title"]})] = ""
    label: Annotated[str, msgspec.Meta(extra={"also_called": ["title"]})] = ""
    serial: Annotated[str, msgspec.Meta(pattern="^[A-Z]+$", extra={"reason": "must be letters"})] = "A"
    code: Annotated[str, msgspec.Meta(pattern="^[a-z]+$")] = "a"
    color: Literal["red", "green"] | None = None
    gears: Literal[1, 3, 7, 21] = 1
    price: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    sold_at: datetime | int | None = None
    photo: bytes | None = None
    wheels: Annotated[tuple[Wheel, ...], msgspec.Meta(max_length=2)] = ()
    parts: dict[str, Wheel] = msgspec.field(default_factory=dict)
    options: Annotated[
        dict[str, str] | None,
        msgspec.Meta(extra={"hint": "options are named", "contains": {"bell": "Bell"}}),
    ] = None


WRONG: list[tuple[dict[str, Any], Path, str]] = [
    ({"nmae": "x"}, ("nmae",), "is unknown; did you mean 'name'?"),
    ({"Title": "x"}, ("Title",), "is unknown; use name or label"),
    ({"bell": "x"}, ("bell",), "is unknown; use options.Bell"),
    ({"size": 1}, ("size",), "is unknown; it belongs at wheels.size"),
    ({"wheels": [{"size": 20}, {"zzz": 1}]}, ("wheels", 1, "zzz"), "is unknown; valid names are size, maker"),
    ({"wheels": [{}]}, ("wheels", 0, "size"), "is missing"),
    ({"parts": {"front": {"size": "20"}}}, ("parts", "front", "size"), "must be an integer, not a string"),
    ({"wheels": [{"size": 9}]}, ("wheels", 0, "size"), "must be at least 10 and at most 30"),
    ({"wheels": [{"size": 20}] * 3}, ("wheels",), "must have at most 2 entries"),
    ({"wheels": [{"size": 20, "maker": "x"}]}, ("wheels", 0, "maker"), "must have at least 2 and at most 5"),
    ({"price": 0}, ("price",), "must be greater than 0"),
    ({"serial": "1"}, ("serial",), "must be letters"),
    ({"code": "1"}, ("code",), "must match ^[a-z]+$"),
    ({"code": "\ud800"}, ("code",), "has half of a surrogate pair"),
    ({"color": "Red"}, ("color",), "must be one of red, green; did you mean 'red'?"),
    ({"color": "blue"}, ("color",), "must be one of red, green"),
    ({"gears": 8}, ("gears",), "must be one of 1, 3, 7, 21; the nearest is 7"),
    ({"gears": True}, ("gears",), "must be an integer, not a boolean"),
    ({"sold_at": "today"}, ("sold_at",), "must be a time in RFC 3339"),
    ({"sold_at": []}, ("sold_at",), "must be a time or an integer, not an array"),
    ({"photo": "?"}, ("photo",), "must be base64"),
    ({"options": 1}, ("options",), "must be an object, not an integer; options are named"),
    ({"options": {"Bell": None}}, ("options", "Bell"), "must be a string, not null"),
]


@pytest.mark.parametrize(("value", "path", "reason"), WRONG, ids=lambda each: str(each)[:40])
def test_the_first_wrong_part_is_reported_with_its_path_and_reason(
    value: dict[str, Any], path: Path, reason: str
) -> None:
    with pytest.raises(ValidationError) as invalid:
        validate(value, Bicycle)
    assert invalid.value.path == path
    assert invalid.value.reason.startswith(reason)


def test_the_wrong_part_itself_is_at_hand_but_not_in_the_reason() -> None:
    with pytest.raises(ValidationError) as invalid:
        validate({"wheels": [{"size": 20, "maker": "confidential"}]}, Bicycle)
    assert invalid.value.value == "confidential"
    assert "confidential" not in str(invalid.value)


def test_a_valid_value_has_its_type() -> None:
    value = {"name": "Roadster", "wheels": [{"size": 28}], "photo": "QQ==", "sold_at": "2030-01-31T09:00:00Z"}
    bicycle = validate(value, Bicycle)
    assert (bicycle.wheels[0].size, bicycle.photo) == (28, b"A")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "an integer"),
        (1.5, "a number"),
        ("", "a string"),
        ([], "an array"),
        ({}, "an object"),
        (datetime(2030, 1, 31), "a date or time"),  # noqa: DTZ001 - as TOML may have it
    ],
)
def test_a_type_has_its_name_in_json_or_toml(value: object, name: str) -> None:
    assert json_type(value) == name

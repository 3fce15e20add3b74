from __future__ import annotations

from typing import Any

import pytest

from bench.world.expressions import InvalidExpression, check_placeholders, holds, updated

ITEM = {
    "pk": {"S": "rate"},
    "taken_until": {"N": "1500000"},
    "rate": {"N": "14.5"},
    "state": {"S": "active"},
    "accepted": {"M": {"0": {"S": "0102018f"}}},
}
VALUES = {":zero": {"N": "0"}, ":now": {"N": "1500000"}, ":more": {"N": "250"}, ":text": {"S": "active"}}


def request(**expressions: str) -> dict[str, Any]:
    names = {"#state": "state", "#accepted": "accepted", "#0": "0", "#1": "1"}
    return {**expressions, "ExpressionAttributeValues": VALUES, "ExpressionAttributeNames": names}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("taken_until = :now", True),
        ("taken_until <> :now", False),
        ("taken_until < :now", False),
        ("taken_until <= :now", True),
        ("taken_until >= :now", True),
        ("taken_until > :more", True),
        (":more < taken_until", True),
        ("#state = :text", True),
        ("#state = :now", False),
        ("#state <> :now", True),
        ("missing <> :now", False),
        ("missing < :now", False),
        ("attribute_exists(pk)", True),
        ("attribute_not_exists(pk)", False),
        ("attribute_exists(#accepted.#0)", True),
        ("attribute_not_exists(#accepted.#1)", True),
        ("attribute_not_exists(missing.#1)", True),
        ("NOT attribute_exists(missing) AND taken_until > :more", True),
        ("attribute_exists(missing) AND pk = :text OR taken_until = :now", True),
        ("attribute_exists(missing) AND (pk = :text OR taken_until = :now)", False),
        ("taken_until = :now OR pk = :text AND attribute_exists(missing)", True),
    ],
)
def test_a_condition(condition: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    assert holds(request(ConditionExpression=condition), ITEM) is expected


def test_a_request_without_a_condition_is_never_refused() -> None:
    assert holds({}, {})


@pytest.mark.parametrize(
    ("update", "changed"),
    [
        ("SET taken_until = :zero", {"taken_until": {"N": "0"}}),
        (
            "SET taken_until = :now + :more, rate = :zero",
            {"taken_until": {"N": "1500250"}, "rate": {"N": "0"}},
        ),
        ("SET taken_until = :more - taken_until", {"taken_until": {"N": "-1499750"}}),
        ("SET rate = rate + :more", {"rate": {"N": "264.5"}}),
        ("ADD taken_until :more", {"taken_until": {"N": "1500250"}}),
        ("ADD quota_left :more", {"quota_left": {"N": "250"}}),
        ("SET rate = if_not_exists(rate, :zero)", {}),
        ("SET version = if_not_exists(version, :zero) + :more", {"version": {"N": "250"}}),
        ("SET #accepted.#1 = :text", {"accepted": {"M": {"0": {"S": "0102018f"}, "1": {"S": "active"}}}}),
        ("REMOVE missing, #accepted.#0", {"accepted": {"M": {}}}),
        (
            "SET rate = taken_until ADD taken_until :more",
            {"rate": {"N": "1500000"}, "taken_until": {"N": "1500250"}},
        ),
    ],
)
def test_an_update(update: str, changed: dict[str, Any]) -> None:
    before = repr(ITEM)
    assert updated(request(UpdateExpression=update), ITEM) == {**ITEM, **changed}
    assert repr(ITEM) == before


def test_an_update_removes_attributes() -> None:
    assert updated(request(UpdateExpression="REMOVE #state, rate"), ITEM).keys() == {
        "pk",
        "taken_until",
        "accepted",
    }


@pytest.mark.parametrize(
    "update",
    [
        "SET missing.#1 = :text",
        "SET rate = missing",
        "SET rate = missing - :more",
        "SET rate",
        "INC rate :more",
    ],
)
def test_an_update_that_dynamodb_refuses(update: str) -> None:
    with pytest.raises(InvalidExpression):
        updated(request(UpdateExpression=update), ITEM)


@pytest.mark.parametrize("condition", ["rate", "rate =", "(rate = :now", "rate = :now)", "rate ! :now", ""])
def test_a_condition_that_is_none(condition: str) -> None:
    with pytest.raises(InvalidExpression):
        holds(request(ConditionExpression=condition), ITEM)


@pytest.mark.parametrize(
    ("condition", "names", "values"),
    [
        ("#a = :b", {"#a": "a"}, {}),
        ("#a = :b", {}, {":b": {"N": "1"}}),
        ("#a = :b", {"#a": "a"}, {":b": {"N": "1"}, ":c": {"N": "1"}}),
        ("#a.#c = :b", {"#a": "a"}, {":b": {"N": "1"}}),
    ],
)
def test_all_names_and_values_are_defined_and_used(
    condition: str, names: dict[str, str], values: dict[str, Any]
) -> None:
    asked = {
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
    with pytest.raises(InvalidExpression, match="unused or undefined"):
        check_placeholders(asked)

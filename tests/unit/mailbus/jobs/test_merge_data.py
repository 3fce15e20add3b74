from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.errors import InvalidJob
from mailbus.jobs.inline_template import read_inline_template
from mailbus.jobs.merge_data import MAX_TEMPLATE_DATA, EntryData, merge_data
from mailbus.jobs.parsing import parse_document

PATH = "$.merge_data[entry 3]"


@pytest.mark.parametrize(
    ("whole", "own", "complete"),
    [
        (
            {"offer": {"code": "A", "text": "x"}},
            {"offer": {"text": "y"}},
            {"offer": {"code": "A", "text": "y"}},
        ),
        ({"a": {"b": {"c": 1, "d": 2}}}, {"a": {"b": {"d": 3}}}, {"a": {"b": {"c": 1, "d": 3}}}),
        ({"lines": [{"a": 1}, 2]}, {"lines": [{"b": 1}]}, {"lines": [{"b": 1}]}),
        ({"a": {"b": 1}}, {"a": "text"}, {"a": "text"}),
        ({"a": "text"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1}}, {"a": {}}, {"a": {"b": 1}}),
        ({"a": 1}, {}, {"a": 1}),
        ({}, {"a": 1}, {"a": 1}),
    ],
)
def test_objects_are_merged_and_all_other_values_replaced(
    whole: dict[str, Any], own: dict[str, Any], complete: dict[str, Any]
) -> None:
    before = json.dumps(whole)
    assert merge_data(whole, own) == complete
    assert json.dumps(whole) == before


@pytest.mark.parametrize(
    ("given_data", "sent"),
    [
        ({"a": None, "b": 0, "c": False}, {"a": "", "b": 0, "c": False}),
        ({"a": {"b": None, "c": [None, {"d": None}]}}, {"a": {"b": "", "c": ["", {"d": ""}]}}),
        ({"a": "null"}, {"a": "null"}),
    ],
)
def test_null_is_an_empty_text_at_any_depth(given_data: dict[str, Any], sent: dict[str, Any]) -> None:
    assert EntryData({}, None).of(given_data, PATH) == sent
    assert EntryData(given_data, None).of_all == sent


def test_null_of_a_recipient_replaces_what_all_have() -> None:
    data = EntryData({"a": {"b": "x"}, "c": 1}, None)
    assert merge_data(data.of_all, data.of({"a": None}, PATH)) == {"a": "", "c": 1}


def test_data_for_an_inline_template_has_the_names_in_it_and_nothing_else() -> None:
    template = read_inline_template("{{first_name}}", "{{city}}", None)
    data = EntryData({"first_name": "friend", "unused": 1}, template)
    assert data.of_all == {"firstName": "friend"}
    assert data.of({"first_name": "Ann", "city": None, "firstName": "?"}, PATH) == {
        "firstName": "Ann",
        "city": "",
    }


def test_the_limit_is_that_of_the_complete_data() -> None:
    data = EntryData({"a": "x" * 200_000, "b": "y" * 50_000}, None)
    fitting = MAX_TEMPLATE_DATA - 50_000 - len('{"a":"","b":""}')
    assert len(data.of({"a": "z" * fitting}, PATH)["a"]) == fitting
    with pytest.raises(InvalidJob, match="SES allows 262144") as refused:
        data.of({"a": "z" * (fitting + 1)}, PATH)
    assert refused.value.path == PATH
    with pytest.raises(InvalidJob, match="has 262145 characters") as refused:
        EntryData({"a": "x" * (MAX_TEMPLATE_DATA - 7)}, None)
    assert refused.value.path == "$.merge_global_data"


def test_what_all_recipients_share_is_kept_once() -> None:
    shared = {f"k{number}": number for number in range(100)}
    people = {f"c{number}@example.org": {"name": "Ann"} for number in range(3)}
    document = {"from_email": "a@example.com", "to": [*people], "template_id": "news", "merge_data": people}
    merged = parse_document({**document, "merge_global_data": shared}, "job-1").merge
    assert merged is not None
    assert len({id(recipient.global_data) for recipient in merged.recipients}) == 1
    assert [recipient.data for recipient in merged.recipients] == [{"name": "Ann"}] * 3
    assert merged.recipients[2].complete_data == {**shared, "name": "Ann"}


VALUES = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


@given(OBJECTS, OBJECTS)
def test_merging_complete_data_again_changes_nothing(whole: dict[str, Any], own: dict[str, Any]) -> None:
    complete = merge_data(whole, own)
    assert merge_data(whole, complete) == complete
    assert merge_data(complete, own) == complete

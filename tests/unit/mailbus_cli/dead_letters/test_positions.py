"""A path leads to the line on which its part of a JSON text begins."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.jobs.json_paths import walk
from mailbus_cli.dead_letters.positions import line_of

TEXT = """{
  "job_id": "ticket-3317",
  "to": ["a@example.net",
         "b@example.net"],
  "to_all": "}],{[\\"",
  "attachments": [
    {"filename": "a.pdf"},
    {
      "filename": "b.pdf",
      "content": "x"
    }
  ],
  "merge_data": {
    "ann@example.net": {"name": "Ann"},
    "bob@example.net": {"a name": 1}
  },
  "end": null
}"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("$", 1),
        ("$.job_id", 2),
        ("$.to", 3),
        ("$.to[0]", 3),
        ("$.to[1]", 4),
        ("$.to_all", 5),
        ("$.attachments[0].filename", 7),
        ("$.attachments[1]", 8),
        ("$.attachments[1].content", 10),
        ("$.merge_data[entry 1].name", 14),
        ("$.merge_data[entry 2]['a name']", 15),
        ("$.end", 17),
        # what is missing is missing in what should have it
        ("$.subject", 1),
        ("$.attachments[1].content_type", 8),
        ("$.attachments[7]", 6),
        ("$.job_id.inner", 2),
    ],
)
def test_a_path_leads_to_a_line(path: str, line: int) -> None:
    assert line_of(TEXT, path) == line


@pytest.mark.parametrize("text", ["", "   ", "{", '{"a"', '{"a":', "[1,", "nonsense", '{"a": tru'])
def test_a_text_that_is_no_json_has_a_line_too(text: str) -> None:
    assert line_of(text, "$.a.b") == 1


def test_a_broken_text_is_read_as_far_as_it_can_be() -> None:
    assert line_of('{\n"a": 1,\n"b": {\n"c": 2,\n"d" oops', "$.b.c") == 4


def test_of_a_name_that_is_there_twice_the_last_counts() -> None:
    assert line_of('{"to": 1,\n"to": 2}', "$.to") == 2


def test_a_text_may_begin_with_empty_lines() -> None:
    assert line_of('\n\n{\n"a": 1}', "$") == 3


def test_a_text_that_is_nested_without_end_has_a_line() -> None:
    assert line_of('{"a":' + "[" * 100_000, "$.a[0][0][0].b") == 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(document=VALUES, indent=st.sampled_from([2, 4]))
def test_each_path_of_a_document_leads_to_a_line_with_its_value(document: object, indent: int) -> None:
    text = json.dumps(document, indent=indent)
    lines = text.split("\n")
    for value, path in walk(document):
        if isinstance(value, str | int) and not isinstance(document, str):
            assert json.dumps(value) in lines[line_of(text, path) - 1]

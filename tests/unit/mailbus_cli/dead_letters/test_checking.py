"""A job is checked as it is edited, as the sender checks it, and each error has its line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus_cli.dead_letters.checking import Defaults, check, compact, pretty
from tests.unit.mailbus_cli.dead_letters.fake_sqs import JOB, text_of


def checked(text: str, **fields: object) -> list[tuple[str, int]]:
    return [(one.path, one.line) for one in check(text, **fields)]  # type: ignore[arg-type]  # as they are


def test_a_job_that_the_sender_takes_has_no_errors() -> None:
    assert check(text_of()) == ()


def test_an_error_has_the_path_the_reason_and_the_line() -> None:
    text = pretty(text_of(subjet="Hello"))
    [problem] = check(text)
    assert (problem.path, problem.reason) == ("$.subjet", "is unknown; did you mean 'subject'?")
    assert text.split("\n")[problem.line - 1].strip() == '"subjet": "Hello"'


def test_all_addresses_that_are_wrong_are_named() -> None:
    text = pretty(text_of(to=["kim@example.net", "no address", "lee@@example.net"]))
    assert checked(text) == [("$.to[1]", 4), ("$.to[2]", 4)]


def test_a_file_as_a_data_url_is_said_to_be_one() -> None:
    file = {
        "filename": "a.pdf",
        "content_type": "application/pdf",
        "content": "data:application/pdf;base64,AAAA",
    }
    [problem] = check(pretty(text_of(attachments=[file])))
    assert problem.path == "$.attachments[0].content"
    assert problem.reason.endswith(
        "it starts with “data:application/pdf;base64,”: keep only what follows the comma"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [("", 1), ("{\n'a': 1}", 2), ('{"a": 1,\n\n}', 3), ('{"a": "\n"}', 1), ("{}\nx", 2)],
)
def test_what_is_no_json_has_the_line_where_it_ends_to_be(text: str, line: int) -> None:
    assert checked(text) == [("$", line)]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "null",
        '"text"',
        "[" * 100_000,
        '{"a": ' + "1" * 5000 + "}",
        '{"subject": "\\ud800"}',
        '{"a": NaN}',
    ],
)
def test_awkward_texts_are_errors_and_no_exceptions(text: str) -> None:
    assert len(check(text)) == 1


def test_a_field_that_the_deployment_sets_need_not_be_in_the_job() -> None:
    text = text_of({name: value for name, value in JOB.items() if name != "from_email"})
    assert checked(text) == [("$.from_email", 1)]
    assert check(text, defaults=Defaults(fields={"from_email": "shop@example.com"})) == ()


def test_with_a_message_tag_a_job_has_one_tag() -> None:
    text = text_of(tags=["a", "b"])
    assert check(text) == ()
    assert checked(text, defaults=Defaults(message_tag_name="tag")) == [("$.tags", 1)]


def test_a_job_that_has_expired_would_fail_again() -> None:
    text = pretty(text_of(expires_at=1000))
    assert check(text, now=999) == ()
    assert checked(text, now=1001) == [("$.expires_at", 7)]


def test_a_reference_to_a_job_in_s3_is_valid() -> None:
    assert check(json.dumps({"job_id": "a", "content_ref": {"bucket": "jobs", "key": "a.json"}})) == ()


def test_a_body_is_shown_with_an_entry_a_line() -> None:
    body = '{"to":["a","é"],"files":[{"name":"x"}],"none":[],"empty":{}}'
    assert pretty(body) == (
        '{\n  "to": ["a", "é"],\n  "files": [\n    {\n      "name": "x"\n    }\n  ],\n'
        '  "none": [],\n  "empty": {}\n}'
    )


def test_a_long_array_has_an_entry_a_line() -> None:
    names = ["x" * 30, "y" * 30]
    assert pretty(json.dumps(names)) == json.dumps(names, indent=2)


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s))
)
def test_a_body_is_the_same_document_however_it_is_shown(document: object) -> None:
    assert json.loads(pretty(json.dumps(document))) == document


@pytest.mark.parametrize("body", ["no json", '{"a":1,"a":2}', "[" * 100_000, '{"a":"\\ud800"}', ""])
def test_a_body_that_would_change_by_it_is_shown_as_it_is(body: str) -> None:
    assert pretty(body) == body


def test_the_body_that_is_sent_has_no_spaces_and_only_characters_that_sqs_takes() -> None:
    assert compact('{\n  "a": "é \\uffff"\n}') == '{"a":"é \\uffff"}'

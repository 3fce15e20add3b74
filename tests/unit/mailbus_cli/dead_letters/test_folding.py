"""Long strings of a job are shown by their beginning, and are whole again in what is sent."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus_cli.dead_letters.folding import LONGEST, fold

FILE = "data:application/pdf;base64," + "JVBERi0x" * 1000


def test_a_long_string_keeps_its_beginning_and_says_how_much_follows() -> None:
    folded = fold(json.dumps({"content": FILE, "text": "short"}))
    shown = json.loads(folded.text)
    assert shown["content"].startswith("data:application/pdf;base64,JVBERi0x")
    assert "7,968 more characters" in shown["content"]
    assert shown["text"] == "short"


def test_what_is_changed_before_the_mark_is_changed_in_the_whole() -> None:
    folded = fold(json.dumps({"content": FILE}))
    edited = folded.text.replace("data:application/pdf;base64,", "")
    assert json.loads(folded.unfold(edited)) == {"content": "JVBERi0x" * 1000}


def test_a_string_that_is_removed_with_its_mark_is_gone() -> None:
    folded = fold(json.dumps({"content": FILE, "text": "short"}))
    assert folded.unfold('{"text": "short"}') == '{"text": "short"}'


def test_two_strings_of_the_same_length_keep_their_own_rests() -> None:
    job = {"files": ["a" * 3000, "b" * 3000]}
    folded = fold(json.dumps(job))
    assert len(folded.rests) == 2
    assert json.loads(folded.unfold(folded.text)) == job


@pytest.mark.parametrize("unit", ["\\", '"', "é", "😀", "\n", "\u2028", "\ufffe"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_no_escape_is_cut(unit: str, ascii_only: bool) -> None:  # noqa: FBT001 - a parameter
    for offset in range(12):
        job = {"text": "x" * offset + unit * LONGEST}
        folded = fold(json.dumps(job, ensure_ascii=ascii_only))
        shown = json.loads(folded.text)["text"]
        shown.encode()
        assert shown.startswith("x" * offset)
        assert json.loads(folded.unfold(folded.text)) == job


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=30) | st.just(FILE), max_size=4))
def test_unfolding_what_was_not_changed_gives_the_text(job: dict[str, str]) -> None:
    text = json.dumps(job, ensure_ascii=False)
    folded = fold(text)
    assert folded.unfold(folded.text) == text
    assert folded.text.count("\n") == text.count("\n")

from __future__ import annotations

import re
from pathlib import Path

from mailbus.events import ERROR_CODES
from mailbus_cli.error_words import ERROR_WORDS, OTHER, error_words
from sender.ses import errors

PAGE = Path(__file__).parents[3] / "docs/errors.md"
# SES's success is no error
CODES = {*ERROR_CODES, *errors.MEANINGS, *errors.STATUSES} - {errors.ACCEPTED}


def test_every_error_code_of_mailbus_and_of_ses_has_words_and_no_other() -> None:
    assert set(ERROR_WORDS) - {"UnreadableAnswer"} == CODES


def test_every_code_in_the_documentation_has_words() -> None:
    named = {
        code
        for row in PAGE.read_text(encoding="utf-8").splitlines()
        if row.startswith("| `") and not row.startswith("| `SUCCESS`")
        for code in re.findall(r"`([A-Z]\w+)`", row.split("|")[1])
    }
    assert len(named) > 60
    assert named <= set(ERROR_WORDS)


def test_words_are_sentences() -> None:
    for words in (*ERROR_WORDS.values(), OTHER):
        assert words.sentence.endswith(".")
        assert words.advice.endswith(".")
        assert words.advice[0].isupper()


def test_an_error_that_is_never_tried_again_says_what_to_fix() -> None:
    codes = [code for code, meaning in errors.MEANINGS.items() if meaning.kind in errors.PERMANENT]
    assert [code for code in codes if error_words(code).advice.startswith("Nothing")] == []


def test_an_unknown_code_has_general_words() -> None:
    assert error_words("NewException") is error_words(None) is OTHER

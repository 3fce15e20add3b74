"""The page for support people has the words and the fields of the code."""

from __future__ import annotations

import pytest

from mailbus_cli import event_stream
from mailbus_cli.job_states import JobState
from mailbus_cli.status_report import EventLine, MailLine, Report
from mailbus_cli.status_words import STATUS_WORDS
from mailbus_cli.suppression import Suppression
from tests.unit.docs.pages import named, page, rows

PAGE = "where-is-my-mail.md"
FIELDS = {field: text for cell, text in rows(PAGE, "| field | |") for field in named(cell)}


def test_every_status_has_its_row() -> None:
    assert rows(PAGE, "| status | what it means | what to do |") == [
        [words.label, words.sentence, words.advice] for words in STATUS_WORDS.values()
    ]


def test_every_field_of_the_json_is_named() -> None:
    assert set(FIELDS) == set(Report.__struct_fields__)


@pytest.mark.parametrize(
    ("field", "struct"),
    [("mails", MailLine), ("events", EventLine), ("job", JobState), ("suppression", Suppression)],
)
def test_the_fields_of_each_object_are_named(field: str, struct: type[MailLine]) -> None:
    assert set(struct.__struct_fields__) <= set(named(FIELDS[field]))


def test_the_rights_of_live_events_are_those_that_the_error_names() -> None:
    rights = page(PAGE).partition("## Rights")[2]
    for action in (
        "PutRule", "PutTargets", "RemoveTargets", "DeleteRule",
        "CreateQueue", "TagQueue", "ReceiveMessage", "DeleteQueue",
    ):  # fmt: skip
        assert f":{action}`" in rights
        assert action in event_stream.RIGHTS

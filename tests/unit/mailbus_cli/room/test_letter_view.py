"""Dead letters are listed by their errors, and what was changed in one is shown line by line."""

from __future__ import annotations

from mailbus_cli.dead_letters.reading import read
from mailbus_cli.room.letter_view import LISTED, changed_lines, changes, groups, in_order
from tests.unit.mailbus_cli.dead_letters.fake_sqs import SEND, FakeSqs, deployment_of, text_of


def test_a_large_group_is_listed_in_part_and_counted_whole() -> None:
    sqs = FakeSqs()
    for number in range(LISTED + 7):
        sqs.put("send-dead", text_of(job_id=f"job-{number}"), {"Code": "Expired"})
    sqs.put("send-dead", text_of(), {"Code": "InvalidJob", "Path": "$.to"})
    listed = groups(read(deployment_of(sqs), SEND).letters)
    assert [(one.title, one.count, one.more) for one in listed] == [
        ("Expired", LISTED + 7, 7),
        ("InvalidJob at $.to", 1, 0),
    ]
    assert len(in_order(listed)) == LISTED + 1


def test_what_was_changed_has_the_lines_around_it() -> None:
    before = "\n".join(["{", *(f'  "{number}": 1,' for number in range(9)), "}"])
    rows = changes(before, before.replace('"4": 1', '"4": 2'))
    assert [row.sign for row in rows] == ["@", " ", " ", "-", "+", " ", " "]
    assert [row.text for row in rows if row.sign in {"-", "+"}] == ['  "4": 1,', '  "4": 2,']
    assert changed_lines(rows) == 2


def test_a_text_that_was_not_changed_has_no_changes() -> None:
    assert changes("{}", "{}") == ()


def test_lines_that_look_like_a_diff_are_text() -> None:
    rows = changes("a\n--- b\n@@ c", "a\n+++ d\n@@ c")
    assert [(row.sign, row.text) for row in rows if row.sign in {"-", "+"}] == [
        ("-", "--- b"),
        ("+", "+++ d"),
    ]

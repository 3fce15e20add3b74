"""Dead letters in a terminal: by their errors, and without bodies."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mailbus_cli import dead_letters_view as view
from mailbus_cli.dead_letters.checking import check, pretty
from mailbus_cli.dead_letters.consequences import consequences, words
from mailbus_cli.dead_letters.reading import read
from mailbus_cli.times import Times
from tests.unit.mailbus_cli.dead_letters.fake_sqs import SEND, FakeSqs, deployment_of, text_of

if TYPE_CHECKING:
    import pytest

    from mailbus_cli.dead_letters.reading import Reading

STYLE = re.compile("\x1b\\[[0-9;]*m")
NOW = datetime(1970, 1, 1, 1, 0, tzinfo=UTC)


def reading(*bodies: str, **attributes: str) -> Reading:
    sqs = FakeSqs()
    for body in bodies:
        sqs.put("send-dead", body, {"Code": "InvalidJob", "Path": "$.to", **attributes})
    return read(deployment_of(sqs), SEND)


def shown(capsys: pytest.CaptureFixture[str], found: Reading) -> str:
    view.show_list([found], found.letters, Times.of(utc=True), NOW)
    return capsys.readouterr().out


def test_where_it_is_no_terminal_each_letter_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    found = reading(text_of(), text_of(job_id="b\tc"), Reason="$.to: is wrong\nhere")
    rows = [line.split("\t") for line in shown(capsys, found).splitlines()]
    assert [row[:5] for row in rows] == [
        ["send", "InvalidJob", "$.to", "1970-01-01T00:00:02+00:00", "letter-2"],
        ["send", "InvalidJob", "$.to", "1970-01-01T00:00:01+00:00", "letter-1"],
    ]
    assert [row[5:] for row in rows] == [
        ["letter-2", "kim@example.net", "is wrong here"],
        ["ticket-3317", "kim@example.net", "is wrong here"],
    ]


def test_on_a_terminal_they_are_grouped_and_counted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    out = STYLE.sub("", shown(capsys, reading(*(text_of(job_id=f"job-{number}") for number in range(8)))))
    assert "send: 8 dead letters, the oldest 59 min 59 s old" in out
    assert "InvalidJob at $.to" in out
    assert "job-7  kim@example.net" in out
    assert "job-2" not in out
    assert "and 3 more" in out


def test_a_letter_shows_the_line_of_its_error_and_its_body_on_request(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = pretty(text_of(subjet="\x1b[31mred", html="<p>secret</p>"))
    [letter] = reading(text).letters
    for body in (False, True):
        view.show_letter(
            letter,
            text=text,
            problems=check(text),
            words=words(letter),
            done=consequences(letter),
            times=Times.of(utc=True),
            body=body,
            problem=None,
        )
        out = capsys.readouterr().out
        assert "^ $.subjet is unknown; did you mean 'subject'?" in out
        assert "\x1b[31mred" not in out
        assert ("secret" in out) == body


def test_what_was_not_read_is_noted() -> None:
    sqs = FakeSqs()
    for _ in range(30):
        sqs.put("send-dead", text_of(), {})
    found = read(deployment_of(sqs), SEND, most=10)
    [note] = view.notes([found])
    assert note.startswith("send: about ")
    assert note.endswith(" more were not read")

"""What `mailbus dead-letters redrive` and `delete` print, ask and end with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mailbus_cli import dead_letters_commands as commands
from mailbus_cli.errors import CommandError, UsageError
from tests.unit.mailbus_cli.dead_letters.fake_sqs import FakeSqs, deployment_of, text_of

if TYPE_CHECKING:
    from pathlib import Path


def chosen(*names: str, everything: bool = False, error: str | None = None) -> commands.Choice:
    return commands.Choice(names=names, everything=everything, error=error, queue=None)


def filled(*jobs: str, code: str = "Expired") -> FakeSqs:
    sqs = FakeSqs()
    for job in jobs:
        sqs.put("send-dead", text_of(job_id=job), {"Code": code})
    return sqs


def redrive(sqs: FakeSqs, choice: commands.Choice, **options: bool) -> int:
    known = {"edit": False, "dry_run": False, "yes": False, "json": False, **options}
    return commands.redrive(deployment_of(sqs), choice, **known)


def test_letters_that_are_named_are_redriven_without_a_question(capsys: pytest.CaptureFixture[str]) -> None:
    sqs = filled("order-1", "order-2")
    assert redrive(sqs, chosen("order-1")) == 0
    assert capsys.readouterr().out == "order-1\tredriven\ttransactional\n"
    assert sqs.visible("send-dead") == ["letter-2"]


def test_letters_that_nobody_named_need_an_answer() -> None:
    sqs = filled("order-1", "order-2")
    with pytest.raises(UsageError) as raised:
        redrive(sqs, chosen(everything=True))
    assert str(raised.value) == "Redrive 2 dead letters of stage prod; 2 fail again as they are"
    assert raised.value.hint == "add --yes, since there is no terminal to ask at"
    assert redrive(sqs, chosen(everything=True), yes=True) == 0
    assert len(sqs.bodies("send")) == 2


def test_a_dry_run_says_what_would_be_and_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    sqs = filled("order-1", code="MessageRejected")
    assert redrive(sqs, chosen("order-1"), dry_run=True) == 0
    assert capsys.readouterr().out.startswith("order-1\ttransactional\tAs it is, it is tried again")
    assert redrive(sqs, chosen("order-1"), dry_run=True, json=True) == 0
    assert json.loads(capsys.readouterr().out)[0]["redriven_as_it_is"] == "tried"
    assert sqs.bodies("send") == []


def test_a_letter_that_is_not_taken_ends_with_1_and_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    sqs = filled("order-1", "order-2")
    sqs.refuses = lambda call, text: call == "send" and "order-1" in text
    assert redrive(sqs, chosen("order-1", "order-2")) == 1
    assert sorted(capsys.readouterr().out.splitlines()) == [
        "order-1\tnot taken\tInternalError",
        "order-2\tredriven\ttransactional",
    ]


def test_a_job_is_corrected_in_the_editor_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sqs = FakeSqs()
    sqs.put("send-dead", text_of(tag=["a"]), {"Code": "InvalidJob", "Path": "$.tag"})
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i \'s/"tag"/"tagg"/\' "$1"\n')
    editor.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(editor))
    assert redrive(sqs, chosen("ticket-3317"), edit=True) == 1
    assert "ticket-3317, line 7: $.tagg is unknown; did you mean 'tags'?" in capsys.readouterr().err
    assert sqs.bodies("send") == []
    editor.write_text('#!/bin/sh\nsed -i \'s/"tag"/"tags"/\' "$1"\n')
    assert redrive(sqs, chosen("ticket-3317"), edit=True) == 0
    assert [json.loads(body)["tags"] for body in sqs.bodies("send")] == [["a"]]


def test_what_is_no_job_cannot_be_edited() -> None:
    sqs = FakeSqs()
    sqs.put("tracking-dead", "{}", {"Code": "InvalidNotification"})
    with pytest.raises(UsageError, match="only jobs can be edited"):
        redrive(sqs, chosen("letter-1"), edit=True)


def test_deletion_is_asked_for_even_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    sqs = filled("order-1", "order-2")
    with pytest.raises(UsageError, match="Delete 1 dead letter of stage prod for good"):
        commands.delete(deployment_of(sqs), chosen("order-1"), yes=False, json=False)
    assert commands.delete(deployment_of(sqs), chosen(error="expired"), yes=True, json=True) == 0
    assert [one["result"] for one in json.loads(capsys.readouterr().out)] == ["deleted", "deleted"]
    with pytest.raises(CommandError, match="there are no dead letters"):
        commands.delete(deployment_of(sqs), chosen(everything=True), yes=True, json=False)

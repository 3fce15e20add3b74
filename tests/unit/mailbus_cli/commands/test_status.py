from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from mailbus.events import Bounce, lane_event
from mailbus.ledger.lanes import RATE_KEY
from mailbus_cli import frame, status_view
from tests.unit.mailbus.ledger.world import job
from tests.unit.mailbus.timeline.timelines import event, message, unsent
from tests.unit.mailbus_cli.mail_stage import MailStage

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus.events import LaneEvent

ANN = "ann@example.com"
PAUSED_AT = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
PAUSE = {
    "event_type": "lane_paused",
    "timestamp": "2026-11-30T10:00:00Z",
    "lane": "bulk",
    "by": "operator",
    "reason": "wrong campaign",
}
Status = Any


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> MailStage:
    made = MailStage()
    made.record(
        event("queued"),
        event("sent", 0.001),
        event(
            "bounced",
            0.0091,
            mta_response="smtp; 550 5.1.1 user unknown",
            bounce=Bounce(type="Permanent", sub_type="General", status="5.1.1"),
        ),
    )
    monkeypatch.setattr("mailbus_cli.deployment.find", lambda **_: made)
    return made


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command on a terminal of this width, without colours."""

    def run(*arguments: str, width: int = 100) -> str:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
        monkeypatch.setattr(
            status_view,
            "console",
            lambda: Console(width=width, color_system=None, highlight=False, markup=False),
        )
        assert frame.run(["status", "--utc", *arguments]) == 0
        return capsys.readouterr().out

    return run


def test_one_mail_is_shown_with_its_timeline_in_plain_words(
    stage: MailStage, terminal: Callable[..., str]
) -> None:
    stage.suppressed = {ANN}
    shown = terminal(ANN)
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert lines[:3] == [
        "↩ bounced ann@example.com",
        "Permanent bounce. example.com has no such mailbox.",
        "Correct the address; do not send to this one again.",
    ]
    assert "job order-1001" in lines
    assert f"message {message(1)}" in lines
    begin = lines.index("2026-11-29, UTC")
    assert lines[begin + 1 : begin + 3] == [
        "09:00:00 queued SES accepted the mail.",
        "09:00:00.060 +0.06 s sent SES has it and tries to deliver.",
    ]
    assert lines[begin + 3].startswith("09:00:00.546 +0.55 s bounced example.com has no such mailbox.")
    assert "550 5.1.1 user unknown" in lines
    assert "SES's suppression list holds ann@example.com since 2026-11-28 14:32:00Z: bounce." in shown
    assert (
        "  aws sesv2 delete-suppressed-destination --email-address ann@example.com --region eu-west-1"
        in shown
    )


def _pause(stage: MailStage) -> LaneEvent:
    event = lane_event("lane_paused", "bulk", at=PAUSED_AT, by="operator", reason="wrong campaign")
    stage.ledger.client.items["rate", "slots"] = {
        **RATE_KEY,
        "bulk_paused": {"N": "1"},
        "bulk_event": {"S": json.dumps({"event_id": event.event_id, **PAUSE})},
    }
    return event


def test_a_paused_lane_is_said_beside_the_answer(
    stage: MailStage, capsys: pytest.CaptureFixture[str]
) -> None:
    event = _pause(stage)
    assert frame.run(["status", ANN]) == 0
    found = capsys.readouterr()
    assert found.err == (
        "The bulk lane is paused since 2026-11-30 10:00 UTC, by the operator: wrong campaign. "
        "Its jobs wait.\n"
    )
    assert "paused" not in found.out
    assert frame.run(["status", ANN, "--json"]) == 0
    (paused,) = json.loads(capsys.readouterr().out)["paused_lanes"]
    assert paused["event_id"] == event.event_id


def test_a_paused_lane_is_said_where_nothing_is_found(
    stage: MailStage, capsys: pytest.CaptureFixture[str]
) -> None:
    _pause(stage)
    assert frame.run(["status", "order-9999"]) == 1
    assert "The bulk lane is paused since " in capsys.readouterr().err


def test_several_mails_are_a_line_each_and_what_is_hidden_is_counted(
    stage: MailStage, terminal: Callable[..., str]
) -> None:
    for number in range(2, 7):
        stage.record(event("delivered", number, message_id=message(number), job_id=f"order-{number}"))
    shown = terminal(ANN, "--limit", "3")
    assert shown.splitlines()[0] == "6 mails to ann@example.com"
    assert [line.split()[3] for line in shown.splitlines() if line.startswith("✓")] == [
        "order-6",
        "order-5",
        "order-4",
    ]
    assert "3 more: `--limit 6`" in shown
    assert "mailbus status order-6 --stage prod" in shown


def test_the_recipients_of_a_job_come_problems_first(stage: MailStage, terminal: Callable[..., str]) -> None:
    stage.record(*(event("delivered", 1, recipient=f"user{number}@example.com") for number in range(3)))
    shown = terminal("order-1001", width=60)
    lines = shown.splitlines()
    assert lines[0] == "1 of 4 bounced, 3 arrived."
    assert lines[2].split() == ["status", "to", "last"]
    assert lines[3].startswith("↩ bounced")
    assert max(map(len, lines)) <= 60
    alone = terminal("order-1001", "--recipient", "user2@EXAMPLE.com")
    assert alone.startswith("✓ delivered  user2@example.com")


def test_a_wide_terminal_shows_what_to_do_beside_each_problem(
    stage: MailStage, terminal: Callable[..., str]
) -> None:
    stage.record(event("delivered", 1, recipient="bob@example.com"))
    shown = " ".join(terminal("order-1001", width=200).split())
    assert "550 5.1.1 user unknown: example.com has no such mailbox. Correct the address" in shown


def test_a_scheduled_job_says_when_it_is_sent_and_how_to_cancel_it(
    stage: MailStage, terminal: Callable[..., str]
) -> None:
    stage.ledger.claimed(
        job(7, state="scheduled", due=4e9, open=(), lease_until=0.0, expires_at=5_000_000_000)
    )
    shown = terminal("order-7")
    assert "… scheduled  order-7" in shown
    assert "It is sent at 2096-10-02 07:06:40Z." in shown
    assert "mailbus cancel --stage prod order-7" in shown


def test_elsewhere_than_on_a_terminal_it_is_lines_with_tabs(
    stage: MailStage, capsys: pytest.CaptureFixture[str]
) -> None:
    del stage
    assert frame.run(["status", ANN, "--utc"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:5] == ["bounced", ANN, "order-1001", "2026-11-29 09:00:00Z", "550 5.1.1 user unknown"]
    assert (
        lines[0][5] == "example.com has no such mailbox. Correct the address; do not send to this one again."
    )
    assert [line[:3] for line in lines[1:]] == [
        ["", "2026-11-29 09:00:00Z", "queued"],
        ["", "2026-11-29 09:00:00Z", "sent"],
        ["", "2026-11-29 09:00:00Z", "bounced"],
    ]


def test_the_json_has_the_mail_its_events_and_what_to_do(
    stage: MailStage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.suppressed = {ANN}
    assert frame.run(["status", ANN, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["query"] == {"kind": "address", "value": ANN}
    (mail,) = report["mails"]
    assert (mail["status"], mail["job_id"], mail["server"]) == (
        "bounced",
        "order-1001",
        "550 5.1.1 user unknown",
    )
    assert mail["advice"] == "Correct the address; do not send to this one again."
    assert [one["event_type"] for one in report["events"]] == ["queued", "sent", "bounced"]
    assert report["events"][2]["event"]["detail"]["bounce"]["sub_type"] == "General"
    assert report["suppression"]["reason"] == "bounce"
    assert (report["counts"], report["total"]) == ({"bounced": 1}, 1)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_what_is_not_found_has_exit_code_1(
    stage: MailStage, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    del stage
    assert frame.run(["status", "jnae@example.com", *options]) == 1
    printed = capsys.readouterr()
    if options:
        assert json.loads(printed.out)["mails"] == []
    else:
        assert printed.out == ""
        assert printed.err == (
            "mailbus: No mail to jnae@example.com. The timeline of prod keeps 30 days\n"
            "hint: `mailbus status --stage prod @example.com` looks for the whole domain\n"
        )


def test_what_was_not_sent_shows_the_reason_and_is_overtaken_by_its_message(
    stage: MailStage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.record(unsent(job_id="order-5", recipient="eve@example.com"))
    assert frame.run(["status", "order-5"]) == 0
    assert capsys.readouterr().out.split("\t")[:5:4] == ["failed", "$.subject: is missing"]


def test_a_recipient_that_the_job_does_not_have_is_an_error(
    stage: MailStage, capsys: pytest.CaptureFixture[str]
) -> None:
    del stage
    assert frame.run(["status", "order-1001", "--recipient", "eve@example.com"]) == 1
    assert "job order-1001 has no recipient eve@example.com" in capsys.readouterr().err


def test_whoever_may_not_read_the_suppression_list_gets_the_answer(
    stage: MailStage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.denied = {"GetSuppressedDestination"}
    assert frame.run(["status", ANN, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["suppression"] is None


def test_hostile_words_of_a_server_do_not_reach_the_terminal(
    stage: MailStage, terminal: Callable[..., str]
) -> None:
    stage.record(
        event(
            "bounced",
            3,
            message_id=message(8),
            recipient="x\x1b[2J@example.com",
            mta_response="550 \x1b]0;x\x07",
        )
    )
    shown = terminal("x\x1b[2J@example.com")
    assert "\x1b" not in shown
    assert "550 <U+001B>]0;x<U+0007>" in shown

from __future__ import annotations

import json
import re
from datetime import UTC
from typing import Any

import msgspec
import pytest

from mailbus.events import AnyEvent, InboundEvent, InboundMessage, lane_event
from mailbus_cli.event_stream import LiveEvent
from mailbus_cli.tail_view import Filter, cells, printer
from mailbus_cli.times import Times
from tests.unit.mailbus.whole_events import whole
from tests.unit.mailbus_cli.events import AT, bounced, event

RECEIVED = InboundEvent(
    event_type="inbound",
    event_id="9",
    timestamp=AT,
    message=InboundMessage(
        envelope_sender="ada@example.org",
        envelope_recipients=("support@example.com",),
        subject="A secret subject",
        text="A secret text",
    ),
)


def live(one: AnyEvent, **others: Any) -> LiveEvent:
    return LiveEvent(event=one, entry=whole({**msgspec.to_builtins(one), **others}))


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (Filter(), True),
        (Filter(recipient="jane@EXAMPLE.net"), True),
        (Filter(recipient="Jane@example.net"), False),
        (Filter(recipient="@Example.NET"), True),
        (Filter(recipient="@ample.net"), False),
        (Filter(job_id="order-1001"), True),
        (Filter(job_id="order-1"), False),
        (Filter(event_types=frozenset({"opened", "sent"})), True),
        (Filter(event_types=frozenset({"opened"})), False),
        (Filter(tag="receipt"), True),
        (Filter(tag="rec"), False),
        (Filter(recipient="jane@example.net", job_id="order-1001", tag="other"), False),
    ],
)
def test_only_what_is_wanted_is_shown(wanted: Filter, shown: bool) -> None:  # noqa: FBT001 - a table's column
    assert wanted.wants(event("sent", tags=("receipt",))) is shown


def test_a_received_mail_is_found_by_its_envelope_and_is_of_no_job() -> None:
    assert Filter(recipient="support@example.com").wants(RECEIVED)
    assert not Filter(job_id="order-1001").wants(RECEIVED)
    assert not Filter(recipient="jane@example.net").wants(event("failed", recipient=None))


def test_the_bus_itself_decides_on_types_and_job() -> None:
    pattern = Filter(event_types=frozenset({"sent"}), job_id="a", tag="x").pattern
    assert pattern == {"source": ["mailbus"], "detail-type": ["email.sent"], "detail": {"job_id": ["a"]}}


def test_a_problem_has_the_servers_words_and_what_to_do() -> None:
    assert cells(live(bounced("Permanent", "General", "smtp; 550 5.1.1 user unknown"))) == (
        "bounced",
        "jane@example.net",
        "order-1001",
        (
            "550 5.1.1 user unknown: example.net has no such mailbox. "
            "Correct the address; do not send to this one again."
        ),
    )


def test_a_paused_lane_is_shown_with_its_reason_unless_mail_of_somebody_is_asked_for() -> None:
    paused = lane_event("lane_paused", "bulk", at=AT, by="guard", reason="bounces")
    assert cells(live(paused)) == (
        "lane_paused",
        "-",
        "-",
        (
            "bounces: The bulk lane was paused by the guard: its jobs wait, and nothing is lost. "
            "When the reason is fixed: `mailbus resume bulk`."
        ),
    )
    assert Filter().wants(paused)
    assert Filter(event_types=frozenset({"lane_paused"})).wants(paused)
    assert not Filter(recipient="jane@example.net").wants(paused)
    assert not Filter(job_id="order-1001").wants(paused)
    resumed = lane_event("lane_resumed", "bulk", at=AT, by="operator", paused_at=AT)
    assert cells(live(resumed))[3] == "-"


def test_the_bus_decides_on_events_of_lanes_too() -> None:
    pattern = Filter(event_types=frozenset({"lane_paused", "sent"})).pattern
    assert pattern["detail-type"] == ["email.sent", "mailbus.lane_paused"]


def test_what_goes_well_has_no_advice() -> None:
    assert cells(live(event("delivered", mta_response="250 2.0.0 OK")))[3] == "250 2.0.0 OK"
    assert cells(live(event("sent", recipient=None, job_id=None)))[1:] == ("-", "-", "-")


def test_an_event_of_a_newer_version_has_its_own_type() -> None:
    assert cells(live(event("unknown"), event_type="teleported"))[0] == "teleported"


def test_elsewhere_than_on_a_terminal_it_is_a_line_with_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    printer(Times(UTC), json=False)(live(event("sent", recipient="a\tb\n@example.net")))
    assert capsys.readouterr().out.split("\t") == [
        "2026-11-28 14:31:57Z",
        "sent",
        "a b @example.net",
        "order-1001",
        "-\n",
    ]


def test_json_lines_have_nothing_of_the_content(capsys: pytest.CaptureFixture[str]) -> None:
    show = printer(Times(UTC), json=True)
    show(live(RECEIVED))
    headers = {
        "mail": {"messageId": "m", "headers": [{"name": "Subject"}], "commonHeaders": {"subject": "secret"}}
    }
    show(live(event("sent", esp_event=headers)))
    out = capsys.readouterr().out
    received, sent = map(json.loads, out.splitlines())
    assert "secret" not in out
    assert received["detail"]["message"]["envelope_sender"] == "ada@example.org"
    assert sent["detail"]["esp_event"] == {"mail": {"messageId": "m"}}


def test_a_line_of_a_terminal_is_as_wide_as_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "90")
    show = printer(Times(UTC), json=False)
    show(live(bounced("Permanent", "General", "550 5.1.1 user unknown")))
    show(live(event("sent", recipient="名前" * 30 + "@example.net")))
    lines = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("14:31:57     bounced       jane@example.net                order-1001")
    assert len(lines[0]) == 90
    assert lines[0].endswith("…")
    assert "… order-1001" in lines[1]

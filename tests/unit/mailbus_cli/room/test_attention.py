from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mailbus.events import lane_event
from mailbus_cli.doctor.verdict import Finding
from mailbus_cli.pace import Limits, Pace
from mailbus_cli.queues import Counts, Queue, Queues
from mailbus_cli.room.attention import flow, items
from mailbus_cli.room.chart import Sparkline
from mailbus_cli.room.doctor_run import DoctorRun, kind_of_record
from mailbus_cli.room.failures import Failure
from mailbus_cli.room.readings import Part, Reading
from mailbus_cli.room.vitals import Sidebar, sidebar

NOW = datetime(2026, 11, 29, 14, 32, tzinfo=UTC)
FINE = Limits(rate=14, most=50_000, used=10)


def queue(*, ready: int = 0, letters: int | None = 0, oldest: float | None = None) -> Queue:
    counts = Counts(ready=ready, delayed=0, in_flight=0)
    return Queue(name="bulk", counts=counts, dead_letter_queue="send", dead_letters=letters, oldest=oldest)


def reading(
    *, limits: Limits | Part[Limits] = FINE, rate: float = 0.0, one: Queue | None = None, **more: Any
) -> Reading:
    parts: dict[str, Any] = {
        "limits": limits if isinstance(limits, Part) else Part(value=limits),
        "pace": Part(value=Pace(until=NOW, step=5, rates=(rate,))),
        "queues": Part(value=Queues(all=(one or queue(),))),
        "alarms": Part(value=()),
        "lanes": Part(value=()),
        **dict.fromkeys(("reputation", "rule", "received"), Part()),
        "doubt": None,
    }
    return Reading(at=NOW, **(parts | more))


def run(**levels: Any) -> DoctorRun:
    findings = tuple(
        Finding(check=check.replace("_", "-"), title=check.upper(), level=level, text="…")
        for check, level in levels.items()
    )
    return DoctorRun(findings=findings, at=NOW, seconds=2.0)


def test_all_that_needs_attention_is_named_with_where_to_read_more() -> None:
    found = items(
        reading(
            limits=Limits(rate=14, most=200, used=200, is_enabled=False),
            one=queue(letters=4),
            alarms=Part(value=(("SendDeadLetters", NOW), ("WaitingJobs", NOW))),
        ),
        # what is read just now says more than the last run
        run(dmarc="problem", dead_letters="problem", sending="problem", mail_from="warning", spf="ok"),
    )
    assert [(item.text, item.path) for item in found] == [
        ("sending is paused", "/overview#queues"),
        ("the 24-hour quota is used up", "/overview#quota"),
        ("4 dead letters", "/dead-letters/send"),
        ("alarm WaitingJobs", "/overview#alarms"),
        ("DMARC", "/overview#doctor-dmarc"),
    ]


def test_a_paused_lane_is_named_once() -> None:
    paused = reading(
        lanes=Part(value=(lane_event("lane_paused", "bulk", at=NOW, by="guard"),)),
        alarms=Part(value=(("BouncePause", NOW), ("LanePaused", NOW))),
        rate=3.0,
    )
    assert [item.text for item in items(paused, run(lanes="problem"))] == [
        "the bulk lane is paused",
        "alarm BouncePause",
    ]
    assert flow(paused) == "Mail of the bulk lane waits until it is resumed; nothing is lost."


def test_what_cannot_be_read_is_as_the_doctor_found_it() -> None:
    found = items(
        reading(limits=Part(), queues=Part(), alarms=Part()),
        run(sending="problem", quota="problem", alarms="problem", dead_letters="problem"),
    )
    assert [item.text for item in found] == ["SENDING", "QUOTA", "ALARMS", "DEAD_LETTERS"]
    # the account's sending is enabled, so it is a configuration set's that is not
    assert [item.text for item in items(reading(), run(sending="problem", quota="problem"))] == ["SENDING"]


def test_nothing_needs_attention() -> None:
    assert items(reading(), None) == ()
    assert items(reading(limits=Limits(rate=1, most=-1, used=10)), run(spf="ok")) == ()
    assert [item.text for item in items(reading(one=queue(letters=1)), None)] == ["1 dead letter"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (reading(rate=3.0), "Mail is flowing."),
        (reading(), "No mail is on its way."),
        (reading(one=queue(ready=1200)), "1,200 jobs wait."),
        (reading(one=queue(ready=1)), "1 job waits."),
        (
            reading(limits=Limits(rate=1, most=9, used=9), rate=3.0),
            "Mail waits until older mail is 24 hours old; nothing is lost.",
        ),
        (
            reading(limits=Limits(rate=1, most=9, used=0, is_enabled=False)),
            "Mail waits until sending is resumed; nothing is lost.",
        ),
        (reading(pace=Part(), queues=Part()), ""),
    ],
)
def test_whether_mail_flows(given: Reading, words: str) -> None:
    assert flow(given) == words


def test_the_figures_beside_the_pages() -> None:
    found = sidebar(reading(rate=12.1, one=queue(ready=1204, letters=4, oldest=86.0)), run(dmarc="problem"))
    assert found == Sidebar(
        pace="12.1 of 14 / s",
        sparkline=Sparkline(line="0,30.86", limit_y=20.0),
        waiting="1,204",
        oldest="1 min 26 s",
        read_at=NOW,
        dead_letters=4,
        attention=2,
    )


def test_figures_that_are_not_known_are_left_out() -> None:
    denied = Part[Any](failure=Failure(title="You may not read this", status=403))
    found = sidebar(reading(queues=denied, pace=denied), None)
    assert (found.pace, found.waiting, found.dead_letters) == (None, None, 0)
    assert sidebar(None, None) == Sidebar()


def test_nothing_is_read_at_all_with_expired_credentials_but_not_where_a_call_is_denied() -> None:
    expired = Part[Any](failure=Failure(title="Your credentials have expired"))
    denied = Part[Any](failure=Failure(title="You may not read this", status=403))
    assert reading().failure is None
    assert reading(queues=expired, alarms=expired).failure is None
    assert reading(limits=denied, queues=expired, alarms=expired).failure is None
    assert reading(limits=expired, queues=expired, alarms=expired).failure == expired.failure


@pytest.mark.parametrize(
    ("record", "label"),
    [
        ("mailbus dead-letters list --local", "Copy command"),
        ("aws sesv2 put-account-sending-attributes --sending-enabled", "Copy command"),
        ('_dmarc.example.com TXT "v=DMARC1"', "Copy record"),
        ("a CNAME b\nc CNAME d", "Copy records"),
    ],
)
def test_a_button_says_what_it_copies(record: str, label: str) -> None:
    assert kind_of_record(record) == label

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mailbus_cli.room.failures import Failure
from mailbus_cli.room.readings import Part
from mailbus_cli.room.vitals import IDLE_INTERVALS, Vitals
from tests.unit.mailbus_cli.room.test_attention import reading

if TYPE_CHECKING:
    from mailbus_cli.room.readings import Reading

SECONDS = 0.05


def expired() -> Reading:
    part: Part[Any] = Part(failure=Failure(title="Your credentials have expired"))
    return msgspec.structs.replace(reading(), limits=part, queues=part, alarms=part)


def look_until(vitals: Vitals, happened: threading.Event) -> None:
    for _ in range(200):
        if happened.wait(SECONDS):
            return
        vitals.look()
    pytest.fail("it never happened")


def test_one_thread_reads_for_all_who_look_and_ends_when_nobody_does() -> None:
    reads: list[Reading] = []
    enough = threading.Event()

    def read() -> Reading:
        reads.append(reading())
        if len(reads) == 3:
            enough.set()
        return reads[-1]

    vitals = Vitals(read, SECONDS)
    assert vitals.last is None
    assert reads == []
    lookers = [threading.Thread(target=vitals.look) for _ in range(8)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join()
    assert vitals.look() in reads
    assert [thread.name for thread in threading.enumerate()].count("vitals") == 1
    look_until(vitals, enough)
    for thread in threading.enumerate():
        if thread.name == "vitals":
            thread.join(10 * SECONDS * IDLE_INTERVALS + 10)
    ended = len(reads)
    # somebody looks again, and waits for what is true now
    found = vitals.look()
    assert any(found is one for one in reads[ended:])


def test_what_was_read_stays_while_nothing_can_be_read() -> None:
    first = reading()
    answers = [first, expired()]
    failed = threading.Event()

    def read() -> Reading:
        if len(answers) > 1:
            return answers.pop(0)
        failed.set()
        return answers[0]

    vitals = Vitals(read, SECONDS)
    assert vitals.look() is first
    look_until(vitals, failed)
    vitals.look()
    assert vitals.last is first
    assert vitals.failure is not None
    assert vitals.failure.title == "Your credentials have expired"


def test_an_unexpected_error_ends_nothing() -> None:
    reads: list[int] = []
    again = threading.Event()

    def read() -> Reading:
        reads.append(1)
        if len(reads) == 1:
            raise KeyError(reads[0])
        if len(reads) == 3:
            # the second is there by now
            again.set()
        return reading()

    vitals = Vitals(read, SECONDS)
    assert vitals.look() is None
    look_until(vitals, again)
    assert vitals.look() is not None

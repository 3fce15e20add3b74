"""A damaged mail has one event, within little time and memory, and never raises.

`make fuzz` tries a hundred thousand of these mutations; this is a sample.
"""

from __future__ import annotations

import re
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.journeys import mutated_mails
from inbound import mime
from inbound.handler import process
from mailbus.errors import InboundError
from tests.unit.inbound.world import World, received, record

MAILS = mutated_mails.corpus()
SAMPLE = 500


VALID = b"""From: ada@example.org
Content-Type: multipart/mixed; boundary=b

--b

Attached is what you asked for.
--b
Content-Disposition: attachment; filename=a.csv

1,2
--b--
"""


def test_a_valid_mail_has_no_problem() -> None:
    found = mutated_mails.outcome(VALID)
    assert (found.event_type, found.problems) == ("inbound", ())


def broken(*_: object) -> NoReturn:
    reason = "broken"
    raise LookupError(reason)


@pytest.mark.parametrize(
    ("name", "otherwise", "problem"),
    [
        ("inbound.structure.read", broken, "the mail cannot be read (LookupError)"),
        ("inbound.parts.store", broken, "no event, but LookupError"),
        ("inbound.parts.safe_filename", lambda *_: "../a.csv", "1-../a.csv"),
        ("inbound.structure.Part.content", lambda *_: (b"", ("x" * 300_000,)), "bytes for the bus"),
        ("bench.journeys.mutated_mails.SAFE_KEY", re.compile("body.txt"), "1-a.csv"),
        ("bench.journeys.mutated_mails.SECONDS", 0.0, "took"),
        ("bench.journeys.mutated_mails.MEMORY_BYTES", -(10**9), "bytes"),
        ("bench.journeys.mutated_mails.MemoryS3.put_object", lambda *_, **__: None, "is not what was stored"),
    ],
)
def test_an_error_in_receiving_is_a_problem(
    name: str, otherwise: object, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name, otherwise)
    assert [found for found in mutated_mails.outcome(VALID).problems if problem in found] != []


def test_a_mutation_is_reproduced_by_its_number() -> None:
    made = [mutated_mails.mutation(MAILS, 0, number) for number in range(200)]
    assert made == [mutated_mails.mutation(MAILS, 0, number) for number in range(200)]
    assert len({raw for raw in made if raw not in MAILS}) > 150


def test_a_damaged_mail_has_one_event_that_fits_within_little_time_and_memory() -> None:
    # with another seed than the long run
    outcomes = {
        number: mutated_mails.outcome(mutated_mails.mutation(MAILS, 1, number)) for number in range(SAMPLE)
    }
    assert {number: found.problems for number, found in outcomes.items() if found.problems} == {}
    assert {found.event_type for found in outcomes.values()} == {"inbound", "inbound_failed"}


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_a_damaged_mail_is_never_dead_lettered(number: int) -> None:
    world = World(mutated_mails.mutation(MAILS, 2, number))
    assert process([record(received())], world.wiring) == ()
    assert world.detail["event_type"] in {"inbound", "inbound_failed"}
    assert (world.detail["message"] is None) == (world.detail["event_type"] == "inbound_failed")
    assert world.sqs.sent == []


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_mail_or_an_inbound_error(raw: bytes) -> None:
    try:
        mail = mime.parse(raw)
    except InboundError as error:
        assert error.__cause__ is None  # noqa: PT017 - refused on purpose, not after an unexpected error
    else:
        for body in (mail.text, mail.html):
            assert body is None or body.decode().encode() == body


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=4))
def test_any_text_in_an_encoded_header_is_decoded(words: list[str]) -> None:
    subject = "".join(f"=?utf-8?Q?{''.join(f'={b:02X}' for b in word.encode())}?= " for word in words)
    mail = mime.parse(f"From: a@example.org\nSubject: {subject}\n\n".encode())
    meant = "".join(words)
    if not any(c.isspace() or c in "\x1c\x1d\x1e\x1f\x85" for c in meant):
        assert mail.message.subject == meant
    assert "\n" not in (mail.message.subject or "")

"""Anybody who may send mail writes its headers: none may cost a batch its time."""

from __future__ import annotations

import time
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.tracking.notifications import only, payload
from tracking import headers
from tracking.headers import DECODED_CHARACTERS
from tracking.notification import Header

if TYPE_CHECKING:
    from collections.abc import Sequence

# reading one takes less than a millisecond; read in the square of its length, one takes 50
SECONDS = 1.0
BATCH = 100
PIECES = ["=?", "?=", "utf-8?q?", "utf-8?b?", "w7Y=", "=C3=B6", "autumn", " ", "?", "=", "=?utf-8?q?=C3=B6?="]


def tag(value: str) -> str:
    (read,) = headers.read([Header(name="X-Tag", value=value)]).tags
    return read


def seconds(values: Sequence[str]) -> float:
    began = time.process_time()
    for value in values:
        tag(value)
    return time.process_time() - began


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param("=?a?q?x", id="words that never end"),
        pytest.param("=?utf-8?q?x?= ", id="words that end"),
        pytest.param("=?utf-8?q?x?= =?latin-1?q?y?= ", id="words of two charsets"),
        pytest.param("=?", id="beginnings alone"),
        pytest.param("=?utf-8?b?????= ", id="base64 that is none"),
        pytest.param("=?a?q?x\n", id="a line for each word that never ends"),
    ],
)
def test_a_batch_of_headers_of_8_kb_is_read_in_no_time(piece: str) -> None:
    value = (piece * 8192)[:8192]
    assert seconds([value] * BATCH) < SECONDS
    # an end in another line ends no word
    assert seconds([f"{value}\n?="] * BATCH) < SECONDS


@pytest.mark.parametrize("piece", ["=?a?q?x", "=?utf-8?q?x?= "])
def test_a_header_as_long_as_a_whole_message_is_read_in_no_time(piece: str) -> None:
    assert seconds([piece * (250_000 // len(piece))]) < SECONDS


def test_a_header_longer_than_any_mails_own_stays_as_it_is() -> None:
    value = "=?utf-8?q?autumn?= " * (DECODED_CHARACTERS // 19 + 1)
    assert tag(value) == value


def test_a_word_that_never_ends_stays_beside_those_that_do() -> None:
    assert tag("=?utf-8?q?gr=C3=BC=C3=9Fe?= and =?utf-8?q?gr=C3") == "grüße and =?utf-8?q?gr=C3"


def test_a_value_with_a_null_byte_or_of_several_lines_stays_as_it_is() -> None:
    for value in ("=?utf-8?q?a?= \0", "=?utf-8?q?a?=\n=?utf-8?q?b?="):
        assert tag(value) == value


def test_a_hostile_header_costs_the_event_nothing_but_that_header() -> None:
    report = payload("event_bounce")
    report["bounce"]["bouncedRecipients"] = report["bounce"]["bouncedRecipients"][:1]
    value = "=?a?q?x" * 1170
    report["mail"]["headers"] = [{"name": "X-Tag", "value": value}, {"name": "X-Tag", "value": "autumn"}]
    assert only(report).tags == (value, "autumn")


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).map("".join))
def test_a_header_of_one_line_reads_as_the_standard_library_reads_it(value: str) -> None:
    try:
        expected = str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        expected = value
    assert tag(value) == (expected if "=?" in value else value)

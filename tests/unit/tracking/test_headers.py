from __future__ import annotations

import json
import time
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sender.ses.mime_headers import metadata_field
from tests.unit.tracking.notifications import (
    NAMES,
    envelope,
    events,
    only,
    payload,
    text,
    with_headers,
)
from tests.unit.tracking.world import World
from tracking import headers
from tracking.headers import DECODED_CHARACTERS, METADATA_HEADER
from tracking.notification import Header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus.events import MetadataValue


@pytest.mark.parametrize(
    ("value", "metadata"),
    [
        ('{"rate": 0.5, "vip": true, "note": null}', {"rate": 0.5, "vip": True, "note": None}),
        ('{"city": "K\\u00f6ln"}', {"city": "Köln"}),
        ('{"a": 1,\r\n "b": 2}', {"a": 1, "b": 2}),
        ('{"long": "text that was\r\n folded"}', {"long": "text that was folded"}),
        ("=?utf-8?q?=7B=22city=22=3A_=22K=C3=B6ln=22=7D?=", {"city": "Köln"}),
        ("=?utf-8?b?eyJjaXR5Ijog?=\r\n =?utf-8?b?IkvDtmxuIn0=?=", {"city": "Köln"}),
        ('{"order": 4711, "nested": {"a": 1}, "list": [1]}', {"order": 4711}),
        ('{"order": 4711, "cut": "of', {}),
        ("=?utf-8?b?broken", {}),
        ("=?nonsense?b?e30=?=", {}),
        ("[1, 2]", {}),
        ('"text"', {}),
        ("null", {}),
        ('{"half": "\\ud83d"}', {}),
        ("[" * 100_000, {}),
        ("", {}),
    ],
)
def test_metadata_is_read_from_its_header(value: str, metadata: dict[str, object]) -> None:
    assert only(with_headers(("X-Metadata", value))).metadata == metadata
    assert only(with_headers(("x-metadata", value))).metadata == metadata


def test_tags_are_read_in_order_and_decoded() -> None:
    tags = only(
        with_headers(
            ("X-Tag", "shipping"),
            ("Subject", "not a tag"),
            ("x-tag", "=?iso-8859-1?q?gr=F6=DFe?="),
            ("X-TAG", "100% =? literal"),
            ("X-Tags", "not one either"),
        )
    ).tags
    assert tags == ("shipping", "größe", "100% =? literal")


@pytest.mark.parametrize("name", NAMES)
def test_without_headers_there_are_no_tags_and_no_metadata(name: str) -> None:
    changed = payload(name)
    for missing in (None, ...):
        changed["mail"]["headers"] = None
        if missing is ...:
            del changed["mail"]["headers"]
        assert {(event.tags, len(event.metadata)) for event in events(changed)} == {((), 0)}


# one takes less than a millisecond; in quadratic time one takes 50
SECONDS = 1.0
BATCH = 40
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
def test_a_batch_of_hostile_headers_of_8_kb_is_read_in_linear_time(piece: str) -> None:
    value = (piece * 8192)[:8192]
    assert seconds([value] * BATCH) < SECONDS
    # an end in another line does not end a word
    assert seconds([f"{value}\n?="] * BATCH) < SECONDS


@pytest.mark.parametrize("piece", ["=?a?q?x", "=?utf-8?q?x?= "])
def test_a_hostile_header_as_long_as_a_whole_message_is_read_in_linear_time(piece: str) -> None:
    assert seconds([piece * (250_000 // len(piece))]) < SECONDS


def test_a_header_much_longer_than_ses_reports_is_not_decoded() -> None:
    value = "=?utf-8?q?autumn?= " * (DECODED_CHARACTERS // 19 + 1)
    assert tag(value) == value


def test_an_encoded_word_without_an_end_stays_beside_decoded_ones() -> None:
    assert tag("=?utf-8?q?gr=C3=BC=C3=9Fe?= and =?utf-8?q?gr=C3") == "grüße and =?utf-8?q?gr=C3"


def test_a_value_with_a_null_byte_or_of_several_lines_is_not_decoded() -> None:
    for value in ("=?utf-8?q?a?= \0", "=?utf-8?q?a?=\n=?utf-8?q?b?="):
        assert tag(value) == value


def test_a_hostile_header_costs_the_event_only_that_header() -> None:
    changed = payload("event_bounce")
    changed["bounce"]["bouncedRecipients"] = changed["bounce"]["bouncedRecipients"][:1]
    value = "=?a?q?x" * 1170
    changed["mail"]["headers"] = [{"name": "X-Tag", "value": value}, {"name": "X-Tag", "value": "autumn"}]
    assert only(changed).tags == (value, "autumn")


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).map("".join))
def test_a_header_of_one_line_reads_as_the_standard_library_reads_it(value: str) -> None:
    try:
        expected = str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        expected = value
    assert tag(value) == (expected if "=?" in value else value)


texts = st.text(st.characters(codec="utf-8"), max_size=40)

# words without a place to fold the line
long_words = st.builds(
    lambda word, times: word * times, st.sampled_from(["x", "größe", "✈", "=?"]), st.integers(1, 2500)
)

scalars = (
    texts | long_words | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
)


def read(written: str) -> dict[str, MetadataValue]:
    name, _, value = written.partition(": ")
    return headers.read([Header(name=name, value=value)]).metadata


@given(st.dictionaries(texts | long_words, scalars | st.none(), min_size=1, max_size=5))
def test_metadata_that_the_sender_writes_is_read_unchanged(metadata: dict[str, MetadataValue]) -> None:
    written = metadata_field(METADATA_HEADER, metadata)
    assume(len(written) <= DECODED_CHARACTERS)
    assert read(written) == metadata


def test_metadata_of_64_kib_in_one_word_is_read_unchanged() -> None:
    metadata: dict[str, MetadataValue] = {"token": "ö" * 10_000}
    written = metadata_field(METADATA_HEADER, metadata)
    assert "=?utf-8?b?" in written
    assert len(written) > 64 * 1024
    assert read(written) == metadata
    # as other readers may join the lines
    assert read(written.replace("\r\n", "")) == metadata


def test_a_header_truncated_anywhere_has_no_metadata() -> None:
    written = metadata_field(METADATA_HEADER, {"token": "ö" * 200})
    assert {
        length: found for length in range(60, len(written) - 4) if (found := read(written[:length]))
    } == {}


def test_a_header_that_decodes_to_half_a_character_fails_no_batch() -> None:
    changed = json.loads(text("event_delivery"))
    changed["mail"]["headers"] = [{"name": "X-Tag", "value": "=?utf-7?q?+2AA-?="}]
    world = World()
    assert world.run(envelope(json.dumps(changed)), envelope(text("event_bounce"))) == []
    assert [event["tags"] for event in world.details if event["event_type"] == "delivered"] == [
        ["=?utf-7?q?+2AA-?="]
    ]
    assert "bounced" in {event["event_type"] for event in world.details}

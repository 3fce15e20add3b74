from __future__ import annotations

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from mailbus.timeline.compression import DICTIONARY, compress, decompress
from tests.unit.mailbus.whole_events import golden_details, whole
from timeline.reading import read


@given(st.binary())
def test_any_text_is_read_as_it_was_written(text: bytes) -> None:
    assert decompress(compress(text)) == text


def test_the_dictionary_never_changes_since_what_is_stored_needs_it() -> None:
    assert hashlib.sha256(DICTIONARY).hexdigest().startswith("aeb8103bcb5c7c8de14d284373665e02")


def test_an_event_of_sent_mail_with_its_keys_takes_less_than_a_write_unit() -> None:
    keys = 220
    for name, detail in golden_details():
        if not detail["event_type"].startswith("inbound"):
            entry = read(json.dumps(whole(detail))).event.entry
            assert len(compress(json.dumps(entry, separators=(",", ":")).encode())) + keys < 1024, name

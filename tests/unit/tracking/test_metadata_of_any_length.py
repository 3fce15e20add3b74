from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sender.ses.mime_headers import metadata_field
from tracking import headers
from tracking.headers import METADATA_HEADER
from tracking.notification import Header

if TYPE_CHECKING:
    from mailbus.events import MetadataValue

texts = st.text(st.characters(codec="utf-8"), max_size=40)
# nothing that a line may be folded at
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
def test_what_the_sender_writes_into_the_header_comes_back(told: dict[str, MetadataValue]) -> None:
    assert read(metadata_field(METADATA_HEADER, told)) == told


def test_metadata_of_64_kib_in_one_word_comes_back() -> None:
    told: dict[str, MetadataValue] = {"token": "ö" * 10_000}
    written = metadata_field(METADATA_HEADER, told)
    assert "=?utf-8?b?" in written
    assert len(written) > 64 * 1024
    assert read(written) == told
    # as a reader sees it that has joined the lines
    assert read(written.replace("\r\n", "")) == told


def test_a_header_that_was_cut_off_anywhere_is_no_metadata() -> None:
    written = metadata_field(METADATA_HEADER, {"token": "ö" * 200})
    assert {
        length: found for length in range(60, len(written) - 4) if (found := read(written[:length]))
    } == {}

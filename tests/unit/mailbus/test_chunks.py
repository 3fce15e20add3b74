"""Items are grouped into calls by count and by bytes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from mailbus.chunks import chunked

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = st.lists(st.integers(min_value=0, max_value=30))


@given(sizes=SIZES, count=st.integers(min_value=1, max_value=7))
def test_every_item_is_in_one_chunk_in_order(sizes: list[int], count: int) -> None:
    chunks = list(chunked(sizes, count, most_bytes=20, size=int))
    assert [size for chunk in chunks for size in chunk] == sizes
    assert all(chunks)


@given(sizes=SIZES, count=st.integers(min_value=1, max_value=7))
def test_a_chunk_is_within_both_limits_unless_one_item_alone_is_too_large(
    sizes: list[int], count: int
) -> None:
    for chunk in chunked(sizes, count, most_bytes=20, size=int):
        assert len(chunk) <= count
        assert sum(chunk) <= 20 or len(chunk) == 1


@given(sizes=SIZES)
def test_a_chunk_ends_only_where_the_next_item_does_not_fit(sizes: list[int]) -> None:
    chunks = list(chunked(sizes, 3, most_bytes=20, size=int))
    for chunk, following in itertools.pairwise(chunks):
        assert len(chunk) == 3 or sum(chunk) + following[0] > 20


def test_without_bytes_only_the_count_matters() -> None:
    assert list(chunked("abcde", 2)) == [["a", "b"], ["c", "d"], ["e"]]


def test_items_are_read_as_they_are_needed() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10):
            read.append(number)
            yield number

    chunks = chunked(items(), 2)
    assert next(chunks) == [0, 1]
    assert read == [0, 1, 2]

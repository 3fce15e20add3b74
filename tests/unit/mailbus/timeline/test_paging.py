from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mailbus.timeline.paging import Entry, newest_first, page_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SHARDS = 4


class Group(msgspec.Struct, frozen=True):
    """A message with the times of its mails."""

    name: str
    times: frozenset[int]

    @property
    def position(self) -> str:
        return created(min(self.times), self.name)


def created(time: int, name: str) -> str:
    return f"{time:04}#{name}"


class World(msgspec.Struct):
    """Messages with a mail for each of their times; `read_entries` counts the entries that were read."""

    groups: dict[str, Group]
    read_entries: int = 0

    def shard(self, number: int, before: str | None) -> Iterator[Entry]:
        entries = [
            Entry(created=created(time, group.name), group=group.name)
            for group in self.groups.values()
            if int(group.name) % SHARDS == number
            for time in group.times
        ]
        for entry in sorted(entries, key=lambda entry: entry.created, reverse=True):
            if before is None or entry.created < before:
                self.read_entries += 1
                yield entry

    def page(
        self, before: str | None, limit: int, hidden: frozenset[str] = frozenset()
    ) -> tuple[list[Group], str | None]:
        def read(met: Mapping[str, Sequence[Entry]]) -> dict[str, Group]:
            assert len(met) <= limit
            return {name: self.groups[name] for name in met if name not in hidden}

        return page_of(newest_first(self.shard(number, before) for number in range(SHARDS)), limit, read)


def pages(world: World, limit: int, **options: Any) -> list[list[Group]]:
    found, older = world.page(None, limit, **options)
    read = [found]
    while older is not None:
        found, older = world.page(older, limit, **options)
        read.append(found)
    return read


times = st.frozensets(st.integers(0, 60), min_size=1, max_size=5)
worlds = st.lists(times, max_size=25).map(
    lambda all_times: World(
        groups={str(number): Group(str(number), group) for number, group in enumerate(all_times)}
    )
)


@given(worlds, st.integers(1, 7))
def test_every_message_is_on_exactly_one_page_newest_first(world: World, limit: int) -> None:
    read = pages(world, limit)
    ordered = sorted(world.groups.values(), key=lambda group: group.position, reverse=True)
    assert [group for page in read for group in page] == ordered
    assert all(len(page) <= limit for page in read)


@given(worlds, st.integers(1, 7))
def test_all_pages_but_the_last_are_full(world: World, limit: int) -> None:
    *full, _ = pages(world, limit)
    assert all(len(page) == limit for page in full)


@given(worlds, st.lists(times, max_size=10), st.integers(1, 7))
def test_what_arrives_meanwhile_neither_repeats_nor_hides_older_mail(
    world: World, arriving: list[frozenset[int]], limit: int
) -> None:
    before = list(world.groups.values())
    first, older = world.page(None, limit)
    # messages of now, which are newer than all others
    for number, group in enumerate(arriving, start=len(before)):
        world.groups[str(number)] = Group(str(number), frozenset(time + 100 for time in group))
    rest = []
    while older is not None:
        page, older = world.page(older, limit)
        rest += page
    assert sorted(group.name for group in [*first, *rest]) == sorted(group.name for group in before)


@given(worlds, st.integers(1, 7), st.frozensets(st.integers(0, 25).map(str)))
def test_what_is_not_to_be_listed_leaves_no_gap(world: World, limit: int, hidden: frozenset[str]) -> None:
    read = pages(world, limit, hidden=hidden)
    ordered = sorted(world.groups.values(), key=lambda group: group.position, reverse=True)
    assert [group for page in read for group in page] == [
        group for group in ordered if group.name not in hidden
    ]
    assert all(len(page) == limit for page in read[:-1])


def test_a_message_is_whole_although_another_is_between_its_mails() -> None:
    world = World(groups={"1": Group("1", frozenset({10, 30})), "2": Group("2", frozenset({20}))})
    assert [[group.name for group in page] for page in pages(world, 1)] == [["2"], ["1"]]
    assert [[group.name for group in page] for page in pages(world, 2)] == [["2", "1"]]


def test_a_shard_is_read_no_further_than_its_entries_are_needed() -> None:
    world = World(groups={str(n): Group(str(n), frozenset({n})) for n in range(1000)})
    found, _ = world.page(None, 50)
    assert [group.name for group in found[:3]] == ["999", "998", "997"]
    assert world.read_entries <= 50 + SHARDS + 1


def test_an_index_that_still_has_an_erased_mail_shows_what_is_left() -> None:
    world = World(groups={"1": Group("1", frozenset({10, 30}))})

    def read(met: Mapping[str, Sequence[Entry]]) -> dict[str, Group]:
        return {name: Group(name, frozenset({30})) for name in met}

    found, older = page_of(world.shard(1, None), 5, read)
    assert ([group.name for group in found], older) == (["1"], None)

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from mailbus_cli.room.recently_used import RecentlyUsed


def test_what_nobody_asked_for_the_longest_goes() -> None:
    values: RecentlyUsed[int] = RecentlyUsed(2)
    values.keep("a", 1)
    values.keep("b", 2)
    assert values.get("a") == 1
    values.keep("c", 3)
    assert [values.get(key) for key in "abc"] == [1, None, 3]


def test_a_value_is_kept_in_place_of_the_one_before() -> None:
    values: RecentlyUsed[int] = RecentlyUsed(2)
    values.keep("a", 1)
    values.keep("b", 2)
    values.keep("a", 3)
    values.keep("c", 4)
    assert [values.get(key) for key in "abc"] == [3, None, 4]


def test_threads_may_share_it() -> None:
    values: RecentlyUsed[int] = RecentlyUsed(3)

    def use(start: int) -> int:
        for each in range(start, start + 2_000):
            values.keep(each % 7, each)
            values.get(each % 5)
        return start

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(use, range(8))) == list(range(8))
    assert sum(values.get(key) is not None for key in range(7)) == 3

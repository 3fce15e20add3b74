from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.chaos.episodes import EPISODES, Episode, Player

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Ses:
    def __init__(self) -> None:
        self.state = {"max_send_rate": 200.0, "latency_ms": 0.0}
        self.faults: list[Mapping[str, Any]] = []
        self.calls = 0

    def account(self) -> dict[str, Any]:
        return {**self.state, "accepted": self.calls}

    def change_account(self, changes: Mapping[str, Any]) -> None:
        self.state |= changes

    def add_faults(self, faults: Sequence[Mapping[str, Any]]) -> None:
        self.faults += faults

    def clear_faults(self) -> None:
        self.faults.clear()


def player(ses: Ses, *episodes: Episode, scale: float = 1.0) -> Player:
    return Player(episodes, ses, calls=lambda: ses.calls, scale=scale, report=lambda _: None)


SLOW = Episode(name="slow", share=0.1, calls=20, account={"latency_ms": 16_000})
FAILING = Episode(name="failing", share=0.1, calls=10, faults=({"operation": "SendEmail", "count": 10},))


def test_an_episode_begins_at_its_share_and_ends_after_its_calls() -> None:
    ses = Ses()
    playing = player(ses, SLOW)
    playing.advance(0.09)
    assert ses.state["latency_ms"] == 0
    ses.calls = 100
    playing.advance(0.1)
    assert ses.state["latency_ms"] == 16_000
    ses.calls = 119
    playing.advance(0.9)
    assert (ses.state["latency_ms"], playing.done) == (16_000, False)
    ses.calls = 120
    playing.advance(0.9)
    assert (ses.state["latency_ms"], playing.done, playing.played) == (0, True, ["slow"])


def test_one_episode_is_played_at_a_time() -> None:
    ses = Ses()
    playing = player(ses, SLOW, FAILING)
    playing.advance(0.5)
    assert not ses.faults
    ses.calls = 20
    playing.advance(0.5)
    assert (ses.state["latency_ms"], len(ses.faults)) == (0, 1)
    ses.calls = 30
    playing.advance(0.5)
    assert (ses.faults, playing.played) == ([], ["slow", "failing"])


def test_a_small_run_has_small_episodes() -> None:
    ses = Ses()
    playing = player(ses, FAILING, scale=0.01)
    playing.advance(1)
    assert ses.faults == [{"operation": "SendEmail", "count": 1}]
    ses.calls = 2
    playing.advance(1)
    assert playing.done


def test_the_episodes_are_in_order() -> None:
    shares = [episode.share for episode in EPISODES]
    assert shares == sorted(shares)
    assert len({episode.name for episode in EPISODES}) == len(EPISODES)

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mailbus.ledger.claims import Claim
from tests.unit.mailbus.ledger.world import (
    MESSAGE,
    NOW,
    World,
    job,
    part,
    settled,
)


def test_a_save_after_marks_never_repeats_a_version(world: World) -> None:
    claimed = world.claimed(part())
    for entry in range(50):
        assert world.acceptances.mark_accepted(claimed.key, entry, MESSAGE, NOW) is True
    marked = world.known(claimed.key)
    assert world.claims.save([settled(claimed)]) == ()
    assert world.known(claimed.key).version > marked.version


def test_marks_survive_the_result_of_a_worker_that_does_not_know_them(world: World) -> None:
    claimed = world.claimed(part())
    for entry in (3, 48):
        world.acceptances.mark_accepted(claimed.key, entry, f"reported {entry}", NOW)
    answered = {entry: f"answered {entry}" for entry in range(40)}
    in_doubt = msgspec.structs.replace(
        claimed,
        open=tuple(range(40, 50)),
        lease_until=0.0,
        accepted=answered,
        accepted_at=NOW + 1,
        attempts={"unanswered": 1},
    )
    assert world.claims.save([in_doubt, settled(job())]) == ()
    known = world.known(claimed.key)
    assert known.accepted == {**answered, 48: "reported 48"}
    assert (known.open, known.lease_until, known.attempts) == (
        in_doubt.open,
        0.0,
        {"unanswered": 1},
    )
    assert known.version > claimed.version


@pytest.mark.parametrize(
    "known",
    [{"attempts": {"unknown": 1}}, {"unknown": (0,)}],
    ids=["resent after doubt", "given up before"],
)
def test_a_late_event_of_an_earlier_call_survives_a_result_that_leaves_nothing_open(
    world: World, known: dict[str, Any]
) -> None:
    claimed = world.claimed(part(**known))
    world.acceptances.mark_accepted(claimed.key, 5, "reported late", NOW)
    refused_by_ses = msgspec.structs.replace(claimed, open=(), lease_until=0.0, attempts={"unknown": 1})
    assert world.claims.save([refused_by_ses]) == ()
    after = world.known(claimed.key)
    assert (after.accepted, after.open) == ({5: "reported late"}, ())


def test_a_result_in_doubt_does_not_overwrite_another_workers_claim(world: World) -> None:
    claimed = world.claimed(job())
    other = job(called_at=NOW + 2000, lease_until=NOW + 2060)
    world.claims.claim([Claim(record=other, seen=claimed)], now=NOW + 2000)
    there = world.known(claimed.key)
    late = msgspec.structs.replace(claimed, lease_until=0.0)
    assert world.claims.save([late]) == (claimed.key,)
    world.claims.release_lease(claimed)
    assert world.known(claimed.key) == there


def test_releasing_a_lease_changes_nothing_else(world: World) -> None:
    claimed = world.claimed(part())
    world.acceptances.mark_accepted(claimed.key, 5, MESSAGE, NOW)
    marked = world.known(claimed.key)
    world.claims.release_lease(claimed)
    assert world.known(claimed.key) == msgspec.structs.replace(marked, lease_until=0.0)

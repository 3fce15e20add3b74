from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.events import Complaint
from mailbus.timeline.status import KINDS, STATUSES, TABLE, kind_of, status_of
from tests.unit.mailbus.timeline.timelines import event

if TYPE_CHECKING:
    from mailbus.timeline.status import Kind, Status

# The table as it was designed: a row for each status, a column for each event that changes one.
DESIGN: Final = """
            qu se df dl op cl bo fa re co
none         E  E  E  E  E  E  E  E  E  E
unknown      E  E  E  E  E  E  E  E  E  E
not_sent     E  E  E  E  E  E  E  E  E  E
queued       ·  E  E  E  E  E  E  E  E  E
sent         ·  ·  E  E  E  E  E  E  E  E
deferred     ·  ·  ·  E  E  E  E  E  E  E
delivered    ·  ·  ·  ·  E  E  L  E  E  E
opened       ·  ·  ·  ·  ·  E  L  E  E  E
clicked      ·  ·  ·  ·  ·  ·  L  E  E  E
bounced      ·  ·  ·  L  L  L  ·  E  E  E
bounced_late ·  ·  ·  ·  ·  ·  ·  E  E  E
failed       ·  ·  ·  ·  ·  ·  ·  ·  E  E
rejected     ·  ·  ·  ·  ·  ·  ·  ·  ·  E
complained   ·  ·  ·  ·  ·  ·  ·  ·  ·  ·
"""
EVENT_KINDS: Final[dict[str, Kind]] = {
    "qu": "queued", "se": "sent", "df": "deferred", "dl": "delivered", "op": "opened", "cl": "clicked",
    "bo": "bounced", "fa": "failed", "re": "rejected", "co": "complained",
}  # fmt: skip


def designed() -> dict[tuple[str, Kind], str]:
    header, *rows = DESIGN.strip("\n").splitlines()
    kinds = [EVENT_KINDS[name] for name in header.split()]
    cells = {}
    for row in rows:
        status, *marks = row.split()
        for kind, mark in zip(kinds, marks, strict=True):
            cells[status, kind] = {"E": str(kind), "L": "bounced_late", "·": status}[mark]
    return cells


def test_the_table_has_every_status_and_every_kind_of_event() -> None:
    assert set(TABLE) == set(STATUSES)
    assert {status: set(row) for status, row in TABLE.items()} == {status: set(KINDS) for status in STATUSES}


def test_the_table_is_as_designed() -> None:
    cells = product(STATUSES, EVENT_KINDS.values())
    assert {(status, kind): TABLE[status][kind] for status, kind in cells} == designed()


@pytest.mark.parametrize("status", STATUSES)
def test_a_failure_before_acceptance_and_a_mark_give_way_to_every_other_status(status: Status) -> None:
    below = ("none", "unknown")
    assert TABLE[status]["not_sent"] == ("not_sent" if status in below else status)
    assert TABLE[status]["mark"] == ("unknown" if status == "none" else status)


@pytest.mark.parametrize("status", STATUSES)
def test_no_event_moves_a_mail_backwards_and_a_repeated_one_changes_nothing(status: Status) -> None:
    for kind in KINDS:
        once = TABLE[status][kind]
        assert STATUSES.index(once) >= STATUSES.index(status), kind
        assert TABLE[once][kind] == once, kind


@pytest.mark.parametrize("status", STATUSES)
def test_two_events_give_the_same_status_in_either_order(status: Status) -> None:
    for one, other in product(KINDS, KINDS):
        assert TABLE[TABLE[status][one]][other] == TABLE[TABLE[status][other]][one], (one, other)


@given(st.data(), st.lists(st.sampled_from(KINDS)))
def test_any_order_and_any_number_of_copies_give_the_same_status(data: Any, kinds: list[Kind]) -> None:
    copies = data.draw(st.lists(st.sampled_from(kinds))) if kinds else []
    shuffled = data.draw(st.permutations(kinds + copies))
    assert status_of(shuffled) == status_of(kinds) == status_of(set(kinds))


def test_every_status_but_the_first_is_reached() -> None:
    reached = {status_of(pair) for pair in product(KINDS, KINDS)}
    assert reached == set(STATUSES) - {"none"}
    assert status_of([]) == "none"


@pytest.mark.parametrize(
    ("event_type", "kind"),
    [
        *((name, name) for name in EVENT_KINDS.values()),
        *((name, "mark") for name in ("autoresponded", "subscribed", "unsubscribed", "unknown")),
    ],
)
def test_an_event_counts_as_its_type_or_as_a_mark(event_type: Any, kind: Kind) -> None:
    assert kind_of(event(event_type)) == kind


@pytest.mark.parametrize(
    ("of", "kind"),
    [
        (event("failed", message_id=None, error_code="Expired"), "not_sent"),
        (event("rejected", message_id=None, error_code="MessageRejected"), "not_sent"),
        (event("failed", message_id=None, error_code="JobIdConflict"), None),
        (event("opened", recipient_ambiguous=True), "mark"),
        (event("clicked", bot="likely"), "mark"),
        (event("clicked", bot="unlikely"), "clicked"),
        (event("complained", complaint=Complaint(feedback_type="not-spam")), "mark"),
        (event("complained", complaint=Complaint(feedback_type="abuse")), "complained"),
    ],
)
def test_what_an_event_means_for_its_mail(of: Any, kind: Kind | None) -> None:
    assert kind_of(of) == kind

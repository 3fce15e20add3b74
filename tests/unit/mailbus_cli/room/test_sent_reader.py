from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mailbus_cli.errors import UsageError
from mailbus_cli.mails import NoTimeline
from mailbus_cli.room.room import Room
from mailbus_cli.room.sent_reader import SentReader
from mailbus_cli.status_words import CHIPS
from tests.unit.mailbus.timeline.timelines import TABLE, Timeline, event, message
from tests.unit.mailbus_cli.room.laptop import FakeDeployment

if TYPE_CHECKING:
    from mailbus_cli.room.sent_reader import Listing

FAR = 4_000_000_000
ALL = CHIPS[0]
BY_KEY = {chip.key: chip for chip in CHIPS}


class AccountDeployment(FakeDeployment):
    """A stage in an account, whose timeline is a fake table; its ledger is empty."""

    def __init__(self, timeline: Timeline | None) -> None:
        super().__init__()
        self.option, self.stage = "--stage prod", "prod"
        self._timeline = timeline
        if timeline is not None:
            self.outputs |= {"TimelineTableName": TABLE, "LedgerTableName": TABLE, "TimelineDays": "30"}

    def client(self, _service: str) -> Any:
        return self._timeline.client if self._timeline else None


def _reader(timeline: Timeline | None, page: int = 5) -> SentReader:
    deployment: Any = AccountDeployment(timeline)
    return SentReader(Room(deployment, may_write=False), page=page)


def _keys(listing: Listing) -> list[str]:
    return [item.key for item in listing.items]


def _record(timeline: Timeline, number: int, minute: float, *kinds: Any, **fields: Any) -> None:
    fields = {"message_id": message(number), "recipient": f"reader{number}@example.com", **fields}
    timeline.record(*(event(kind, minute, **fields) for kind in kinds or ("sent",)), keep=FAR)


@pytest.fixture(scope="module")
def timeline() -> Timeline:
    """A merge of nine, one of which bounced, between whose messages ten other mails were sent."""
    timeline = Timeline()
    for number in range(9):
        kinds = ("sent", "bounced") if number == 0 else ("sent", "delivered")
        tags = {"mailbus-entry": (str(number),)}
        _record(timeline, number, 2 * number, *kinds, job_id="digest", message_tags=tags)
    for number in range(10):
        _record(timeline, 100 + number, 2 * number + 1, "sent", job_id=f"order-{number}")
    return timeline


def test_a_merge_is_one_whole_row_at_its_newest_message_on_whichever_page(timeline: Timeline) -> None:
    reader = _reader(timeline)
    first = reader.newest(None, ALL)
    assert _keys(first) == ["order-9", "order-8", "digest", "order-7", "order-6"]
    (digest,) = (item for item in first.items if item.key == "digest")
    assert len(digest.mails) == 9
    second = reader.newest(first.older, ALL)
    assert _keys(second) == ["order-5", "order-4", "order-3", "order-2", "order-1"]
    third = reader.newest(second.older, ALL)
    assert (_keys(third), third.older) == (["order-0"], None)


def test_a_chip_leaves_the_rows_with_its_statuses(timeline: Timeline) -> None:
    reader = _reader(timeline)
    assert _keys(reader.newest(None, BY_KEY["bounced"])) == ["digest"]
    assert _keys(reader.newest(None, BY_KEY["on-its-way"]))[:2] == ["order-9", "order-8"]
    assert _keys(reader.newest(None, BY_KEY["complained"])) == []


def test_a_search_shows_of_a_merge_what_was_looked_for(timeline: Timeline) -> None:
    reader = _reader(timeline)
    (by_address,) = reader.search("reader3@example.com", ALL).items
    assert [mail.recipient for mail in by_address.mails] == ["reader3@example.com"]
    for text in ("digest", message(3)):
        (item,) = reader.search(text, ALL).items
        assert item.key == "digest"
    assert _keys(reader.search("@EXAMPLE.com", ALL))[:2] == ["order-9", "order-8"]
    assert len(reader.search("digest", ALL).items[0].mails) == 9


@pytest.mark.parametrize("text", ["bounced", "Bounced", "Problems"])
def test_a_search_knows_statuses(timeline: Timeline, text: str) -> None:
    assert _keys(_reader(timeline).search(text, ALL)) == ["digest"]


def test_nothing_found_says_how_far_it_was_looked(timeline: Timeline) -> None:
    reader = _reader(timeline)
    empty = reader.search("jnae@example.net", ALL).empty
    assert empty == "No mail to jnae@example.net. The timeline of prod keeps 30 days."
    assert reader.search("digest", BY_KEY["complained"]).empty is None
    assert "complained" in str(reader.search("complained", ALL).empty)


def test_an_account_has_neither_subjects_nor_counts_nor_a_list_of_what_waits(timeline: Timeline) -> None:
    reader = _reader(timeline)
    with pytest.raises(UsageError):
        reader.search("your receipt", ALL)
    assert reader.counts(()) is None
    assert reader.newest(None, BY_KEY["waiting"]).empty


def test_a_stage_without_a_timeline_says_so() -> None:
    with pytest.raises(NoTimeline):
        _reader(None).newest(None, ALL)

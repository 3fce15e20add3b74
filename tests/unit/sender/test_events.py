from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from mailbus.environment import ENTRY_BYTES
from mailbus.jobs.metadata import MAX_METADATA_BYTES
from tests.unit.sender.answers import UNREACHABLE
from tests.unit.sender.jobs import newsletter, people
from tests.unit.sender.settings import START
from tests.unit.sender.world import World

if TYPE_CHECKING:
    from collections.abc import Callable


MISSING = {"filename": "brochure.pdf", "s3": {"bucket": "shop-invoices", "key": "missing.pdf"}}
PDF = b"%PDF-1.7 of invoice 17"


def _cancelled(world: World) -> None:
    world.cancel("job-news")


def _with_other_content(world: World) -> None:
    world.put(job_id="job-news")
    world.deliver()
    world.events.taken.clear()
    world.events.calls.clear()


def test_an_accepted_mail_has_an_event_for_each_recipient_and_is_acknowledged() -> None:
    world = World()
    world.put(to=["ann", "bob"], bcc=["eve@example.org"], metadata={"order": 17}, tags=["welcome"])
    world.deliver()
    assert world.queues.messages == {}
    assert [event["recipient"] for event in world.published] == [
        "ann@example.org",
        "bob@example.org",
        "eve@example.org",
    ]
    event = world.published[0]
    assert (event["event_type"], event["job_id"]) == ("queued", "job-ann")
    assert event["message_id"] == world.ses.mails[0].message_id
    assert (event["metadata"], event["tags"]) == ({"order": 17}, ["welcome"])
    assert event["message_tags"] == {"mailbus-job-id": ["job-ann"]}
    assert event["timestamp"] == "2026-11-22T12:00:00Z"
    assert len({event["event_id"] for event in world.published}) == 3
    assert world.outcomes == ["queued"]


def test_an_event_with_the_largest_metadata_fits_the_bus() -> None:
    world = World()
    world.put(metadata={str(number): "x" * 1000 for number in range(MAX_METADATA_BYTES // 1100)})
    world.deliver()
    assert world.recipients_of("queued") == ["ann"]
    assert len(world.events.taken[0]["Detail"]) < ENTRY_BYTES


def test_each_event_of_a_merge_has_its_recipients_own_metadata_and_message() -> None:
    world = World()
    world.put(**newsletter(3, metadata={"campaign": "spring"}))
    world.deliver()
    ids = {mail.recipients[0]: mail.message_id for mail in world.ses.mails}
    assert [event["metadata"] for event in world.published] == [
        {"campaign": "spring", "customer": name} for name in people(3)
    ]
    assert {event["recipient"]: event["message_id"] for event in world.published} == ids


def test_copies_of_a_merge_are_counted_and_have_an_event_for_each_message() -> None:
    world = World()
    world.put(**newsletter(2, cc=["desk@example.com"]))
    world.deliver()
    assert world.pace.reserved == [([4], "transactional")]
    assert Counter(world.recipients_of("queued")) == {"c0": 1, "c1": 1, "desk": 2}


@pytest.mark.parametrize(
    ("before", "fields", "code", "reason", "dead"),
    [
        (_cancelled, {}, "Cancelled", "cancelled before it was sent", 0),
        (_with_other_content, {}, "JobIdConflict", "$.job_id: belongs to a job with other content", 1),
        (None, {"send_at": START + 400 * 86_400}, "InvalidJob", "$.send_at: is more than a year ahead", 1),
        (None, {"attachments": [MISSING]}, "InvalidJob", "$.attachments[0].s3: ", 1),
    ],
)
def test_a_large_merge_that_is_refused_as_a_whole_has_one_event_for_all_its_recipients(
    before: Callable[[World], None] | None, fields: dict[str, Any], code: str, reason: str, dead: int
) -> None:
    world = World()
    if before is not None:
        before(world)
    world.put(**newsletter(5000, metadata={"campaign": "spring"}, tags=["news"]), **fields)
    world.deliver()
    assert len(world.events.calls) == 1
    (event,) = world.published
    assert (event["event_type"], event["job_id"], event["recipient"]) == ("failed", "job-news", None)
    assert (event["metadata"], event["tags"]) == ({"campaign": "spring"}, ["news"])
    assert event["error_code"] == code
    assert event["description"].startswith(reason)
    assert event["description"].endswith("; this applies to all 5000 recipients of the merge")
    assert (len(world.queues.dead), world.queues.messages) == (dead, {})


def test_a_large_merge_that_can_no_longer_be_split_has_one_event_for_all_its_recipients() -> None:
    world = World()
    world.queues.errors["send_message_batch"] = [UNREACHABLE]
    world.put(**newsletter(60, attachments=[{"filename": "a.pdf", "s3": MISSING["s3"]}]))
    world.s3.objects["shop-invoices", "missing.pdf"] = b"%PDF-1.7"
    world.deliver()
    world.s3.objects.clear()
    world.run()
    (event,) = world.published
    assert (event["recipient"], len(world.queues.dead)) == (None, 1)
    assert event["description"].endswith("; this applies to all 60 recipients of the merge")

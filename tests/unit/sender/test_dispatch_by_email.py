"""Merges that are sent by SendEmail, a call for each recipient."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

import msgspec
import pytest

from mailbus.side_by_side import in_threads
from mailbus_cdk.settings.doubt import CALL_BEGIN_SECONDS
from sender.dispatch import BEGIN_SECONDS
from sender.rate.slots import QuotaExhausted, RetryAfter, SendAt
from sender.retries import DELAYS
from tests.unit.sender.answers import PAUSED, QUOTA, REJECTED, THROTTLED, UNANSWERED, refusal
from tests.unit.sender.fake_ses import Lost
from tests.unit.sender.jobs import invoice, newsletter, people
from tests.unit.sender.settings import START
from tests.unit.sender.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from botocore.exceptions import ClientError

    from sender.rate.slots import Decision

T = TypeVar("T")
R = TypeVar("R")
LIMITED = refusal("TooManyRequestsException", "Rate exceeded", 429, "SendBulkEmail")
NEWS = {
    "subject": "Hello {{first_name}}",
    "merge_global_data": {"first_name": "friend"},
    "merge_data": {"c1@example.org": {"first_name": "Ann"}},
    "merge_headers": {"c1@example.org": {"X-Reader": "1"}},
    "attachments": [{"filename": "news.txt", "content": "TmV3cw=="}],
    "tags": ["news"],
    "esp_extra": {"DefaultEmailTags": [{"Name": "shop", "Value": "4"}], "TenantName": "shop-4"},
}


@pytest.mark.parametrize("count", [1, 50, 51, 130])
def test_each_recipient_has_a_call_of_its_own(count: int) -> None:
    world = World(merge_by="SendEmail")
    world.put(**newsletter(count))
    world.run(60)
    assert len(world.ses.requests) == count
    assert not any("BulkEmailEntries" in request for request in world.ses.requests)
    assert sorted(world.ses.sent_to) == sorted(people(count))
    assert sorted(world.recipients_of("queued")) == sorted(people(count))
    assert (len(world.published), world.queues.messages, world.queues.dead) == (count, {}, [])
    assert {mail.job_id for mail in world.ses.mails} == {"job-news"}


def test_a_call_has_what_the_recipients_entry_of_a_bulk_call_has() -> None:
    bulk, single = World(), World(merge_by="SendEmail")
    for world in (bulk, single):
        world.put(**newsletter(2, **NEWS))
        world.deliver()
    [call] = bulk.ses.requests
    entry = call["BulkEmailEntries"][1]
    template = call["DefaultContent"]["Template"]
    data = entry["ReplacementEmailContent"]["ReplacementTemplate"]["ReplacementTemplateData"]
    assert json.loads(data) == {"firstName": "Ann"}
    [request] = [each for each in single.ses.requests if each["Destination"] == entry["Destination"]]
    assert request == {
        "FromEmailAddress": call["FromEmailAddress"],
        "Destination": entry["Destination"],
        "EmailTags": entry["ReplacementTags"],
        "ConfigurationSetName": call["ConfigurationSetName"],
        "TenantName": "shop-4",
        "Content": {"Template": {**template, "TemplateData": data, "Headers": entry["ReplacementHeaders"]}},
    }
    assert {"Name": "mailbus-entry", "Value": "1"} in request["EmailTags"]


def test_the_recipients_are_paced_one_by_one_and_claimed_at_once() -> None:
    world = World(merge_by="SendEmail")
    world.pace.largest = 10
    world.put(**newsletter(7, cc=["desk@example.com"]))
    world.deliver()
    assert [recipients for recipients, _ in world.pace.reserved] == [[2] * 5, [2] * 2]
    assert world.ses.sent_to.count("c6") == 1


def test_a_recipient_is_sent_to_when_the_rate_allows_it() -> None:
    world = World(merge_by="SendEmail")
    world.pace.decisions = [lambda count: [SendAt(due=START + 0.5 * at) for at in range(count)]]
    left: list[float] = []
    world.ses.on_call = lambda: left.append(world.clock.now)
    world.put(**newsletter(3))
    world.deliver()
    assert (min(left) >= START, max(left)) == (True, START + 1.0)


@pytest.mark.parametrize("decision", [RetryAfter(seconds=60.0), QuotaExhausted()])
def test_recipients_that_have_to_wait_are_sent_to_later(decision: Decision) -> None:
    world = World(merge_by="SendEmail")
    world.pace.decisions = [
        lambda count: [SendAt(due=START)] * 5 + [decision] * (count - 5),
        lambda count: [decision] * count,
    ]
    world.put(**newsletter(12))
    world.deliver()
    assert (sorted(world.ses.sent_to), len(world.recipients_of("queued"))) == (people(5), 5)
    assert world.record("job-news").open == ()
    world.run(3 * 3600)
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(12), 1)
    assert world.queues.messages == {}


def test_each_recipient_has_its_own_outcome() -> None:
    world = World(merge_by="SendEmail")
    world.ses.answers = {"c1": [REJECTED], "c2": [THROTTLED], "c3": [Lost(UNANSWERED)]}
    world.put(**newsletter(5))
    world.deliver()
    assert world.record("job-news").open == (3,)
    assert sorted(world.recipients_of("queued")) == ["c0", "c4"]
    world.report_sends()
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(["c0", "c2", "c3", "c4"], 1)
    assert world.recipients_of("rejected") == ["c1"]
    assert sorted(world.recipients_of("queued")) == ["c0", "c2", "c3", "c4"]
    assert world.queues.messages == {}


def test_merges_go_by_email_for_a_while_after_ses_refused_too_many_bulk_calls() -> None:
    world = World()
    world.ses.calls = [LIMITED]
    world.put(**newsletter(3))
    world.deliver()
    assert len(world.ses.requests) == 1 + 3
    assert world.ses.sent_to == people(3)
    assert sorted(world.recipients_of("queued")) == people(3)
    assert [recipients for recipients, _ in world.pace.reserved] == [[3]], "the rate is reserved once"
    assert (world.measured("LimitedBulkCalls"), world.queues.messages) == ([1], {})
    [warning] = [line for line in world.log if line["level"] == "WARNING"]
    assert 'sender.merge_by = "SendEmail"' in warning["message"]
    world.put(**newsletter(2, job_id="job-soon"))
    world.deliver()
    assert not any("BulkEmailEntries" in request for request in world.ses.requests[-2:])
    world.wait(600)
    world.put(**newsletter(2, job_id="job-later"))
    world.deliver()
    assert "BulkEmailEntries" in world.ses.requests[-1]
    assert world.measured("LimitedBulkCalls") == [1]


def test_without_time_for_all_recipients_of_a_refused_bulk_call_the_rest_is_sent_to_later() -> None:
    world = World()
    world.ses.calls = [LIMITED]
    # no call begins more than 20 s after the claim
    world.ses.on_call = lambda: world.wait(8.0)
    world.put(**newsletter(6))
    world.deliver()
    assert (world.ses.sent_to, world.record("job-news").open) == (people(6)[:2], ())
    world.ses.on_call = lambda: None
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(6), 1)
    assert world.queues.messages == {}


def test_a_call_begins_when_the_check_of_the_settings_expects_it() -> None:
    assert BEGIN_SECONDS == CALL_BEGIN_SECONDS


def test_recipients_that_ses_was_not_called_for_are_not_in_doubt() -> None:
    world = World(on_unknown="fail")
    world.ses.calls = [LIMITED]
    world.ses.answers = {"c0": [UNANSWERED]}
    world.ses.on_call = lambda: world.wait(12.0)
    world.put(**newsletter(4))
    world.deliver()
    assert world.record("job-news").open == (0,)
    world.ses.on_call = lambda: None
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(["c1", "c2", "c3"], 1)
    assert world.recipients_of("failed") == ["c0"]


@pytest.mark.parametrize("answer", [THROTTLED, PAUSED, QUOTA])
def test_a_refused_bulk_call_is_not_followed_by_more_calls_than_ses_takes(answer: ClientError) -> None:
    world = World()
    world.ses.calls = [LIMITED, None, answer]
    world.put(**newsletter(50))
    world.deliver()
    assert (len(world.ses.requests), world.ses.sent_to) == (3, ["c0"])
    world.run(3 * 3600)
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(50), 1)


def test_one_recipients_call_asks_whether_sending_is_still_paused() -> None:
    world = World(merge_by="SendEmail")
    world.ses.calls = [PAUSED] * 6
    world.put(**newsletter(5))
    world.deliver()
    assert len(world.ses.requests) == 5
    world.wait(DELAYS["paused"].first)
    world.deliver()
    assert (len(world.ses.requests), world.ses.sent_to) == (6, [])
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(5), 1)


@pytest.mark.parametrize("answer", [THROTTLED, refusal("Throttling", "Maximum send rate exceeded")])
def test_a_bulk_call_over_the_accounts_rate_changes_nothing(answer: ClientError) -> None:
    world = World()
    world.ses.calls = [answer]
    world.put(**newsletter(3))
    world.run()
    assert ["BulkEmailEntries" in request for request in world.ses.requests] == [True, True]
    assert world.measured("LimitedBulkCalls") == []


def test_a_bulk_call_has_no_more_entries_than_a_request_has_room_for() -> None:
    world = World()
    # encoded it leaves 727 KB of 40 MB: room for three entries of 220 KB
    world.s3.objects["shop-invoices", "17.pdf"] = bytes(28_700_000)
    data = {f"{name}@example.org": {"a": "x" * 200_000} for name in people(20)}
    world.put(
        **newsletter(20, template_id="news", subject=None, text=None, merge_data=data),
        attachments=[invoice()],
    )
    world.run(60)
    assert [len(request["BulkEmailEntries"]) for request in world.ses.requests] == [3] * 6 + [2]
    assert world.ses.sent_to == people(20)


@pytest.mark.parametrize(("size", "most"), [(10, 20), (4_000_000, 7), (29_000_000, 1)])
def test_large_files_are_in_few_calls_at_a_time(size: int, most: int) -> None:
    world = World(merge_by="SendEmail")
    calls: list[int] = []

    def run(step: Callable[[T], R], items: Sequence[T], most: int, /) -> list[R]:
        calls.append(min(most, len(items)))
        return in_threads(step, items, most)

    world.sender = msgspec.structs.replace(world.sender, side_by_side=run)
    world.s3.objects["shop-invoices", "17.pdf"] = bytes(size)
    world.put(**newsletter(20), attachments=[invoice()])
    world.deliver()
    reads = 1
    assert (calls, len(world.ses.sent_to)) == ([reads, most], 20)

"""What a run puts in, and what it expects of it, by the functions' own reading."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime

import pytest

from bench.chaos import jobs, notifications, received
from bench.chaos.run import Size, draw
from inbound.notification import parse_received
from mailbus.aws.sns import Notification as Envelope
from mailbus.errors import MailbusError
from mailbus.jobs.parsing import parse_document
from mailbus.jobs.strict_json import read_document
from mailbus_local.ses.server import VALIDATION_MESSAGE
from tracking.normalize import normalize

NOW = 1_796_000_000.0
TOPIC = "arn:aws:sns:us-east-1:000000000000:tracking"


def chance() -> random.Random:
    return random.Random(47)  # noqa: S311 - test data, no secret


DRAWN = jobs.draw(chance(), 3000, "47")
NOTIFICATIONS = notifications.draw(chance(), 2000, "47", region="us-east-1", now=NOW)


def envelope(text: str) -> Envelope:
    return Envelope(message_id="m", topic_arn=TOPIC, message=text, timestamp=datetime.fromtimestamp(NOW, UTC))


def test_the_seed_decides_what_goes_in() -> None:
    size = Size(jobs=200, notifications=100, mails=20)
    first, again = (draw(47, size, region="us-east-1", now=NOW) for _ in range(2))
    assert (first.jobs, first.mails) == (again.jobs, again.mails)
    assert [one.events for one in first.notifications] == [one.events for one in again.notifications]
    assert draw(48, size, region="us-east-1", now=NOW).jobs != first.jobs


def test_there_are_jobs_of_each_kind_in_their_shares() -> None:
    kinds = Counter(job.kind for job in DRAWN)
    assert kinds.keys() == {"single", *jobs.SHARES}
    assert kinds["duplicate"] == jobs.SHARES["duplicate"] * 3000 // jobs.OF
    addresses = [address for job in DRAWN for address in job.to]
    assert len(addresses) == len(set(addresses))
    assert {job.lane for job in DRAWN} == {"transactional", "bulk"}


def test_a_job_is_valid_or_has_the_error_that_is_expected() -> None:
    for job in DRAWN:
        if job.kind == "invalid":
            with pytest.raises(MailbusError) as raised:
                parse_document(read_document(job.complete(NOW)), job.job_id)
            assert raised.value.code == job.code
        else:
            parsed = parse_document(read_document(job.complete(NOW)), job.job_id)
            assert parsed.job_id == job.job_id


def test_the_times_of_a_job_are_counted_from_when_it_is_enqueued() -> None:
    scheduled = next(job for job in DRAWN if job.kind == "scheduled")
    assert scheduled.send_in is not None
    at = datetime.fromisoformat(json.loads(scheduled.complete(NOW))["send_at"])
    assert at.timestamp() == pytest.approx(NOW + scheduled.send_in, abs=0.001)


def test_a_notification_has_the_events_that_are_expected() -> None:
    for one in NOTIFICATIONS:
        if one.code is None:
            found = normalize(envelope(one.text), topic_arn=TOPIC)
            events = [(event.event_type, event.message_id, event.recipient) for event in found.events]
            assert events == list(one.events)
        else:
            with pytest.raises(MailbusError) as raised:
                normalize(envelope(one.text), topic_arn=TOPIC)
            assert raised.value.code == one.code


def test_notifications_are_of_all_types_repeated_through_the_webhook_and_poison() -> None:
    types = {event[0] for one in NOTIFICATIONS for event in one.events}
    assert types == set(notifications.EVENT_TYPES.values())
    assert {one.copies for one in NOTIFICATIONS} == {1, 2}
    assert {one.by_webhook for one in NOTIFICATIONS} == {True, False}
    assert {one.code for one in NOTIFICATIONS} == {None, "InvalidNotification", "WiringError"}
    sent = [event for one in NOTIFICATIONS for event in one.events]
    order = [place for place, event in enumerate(sent) if event[0] == "sent"]
    assert order[-1] > len(sent) // 2


@pytest.mark.parametrize("count", [100, 1999, 5000])
def test_one_notification_in_a_hundred_is_poison(count: int) -> None:
    drawn = notifications.draw(chance(), count, "47", region="us-east-1", now=NOW)
    assert len(drawn) == count
    poison = Counter(one.code for one in drawn if one.code is not None)
    assert poison.total() == count // 100
    assert len(poison) == min(2, count // 100)
    assert drawn.count(notifications.Notification(text=VALIDATION_MESSAGE)) == 1


def test_what_is_no_received_mail_has_the_error_that_is_expected() -> None:
    for one in received.poison():
        with pytest.raises(MailbusError) as raised:
            parse_received(envelope(one.text))
        assert raised.value.code == one.code


def test_mails_are_received_by_each_action() -> None:
    mails = received.draw(chance(), 100, "47")
    assert {mail.recipient for mail in mails} == set(received.ADDRESSES)
    assert len({mail.raw for mail in mails}) == 100

from __future__ import annotations

from sender.rate.slots import QuotaExhausted, SendAt
from tests.unit.sender.jobs import newsletter
from tests.unit.sender.settings import DAY, START
from tests.unit.sender.world import World


def test_the_ledger_remembers_an_accepted_mail_for_as_long_as_the_settings_say() -> None:
    world = World()
    world.put(metadata={"order": 17}, tags=["welcome"])
    world.deliver()
    record = world.record()
    assert record.accepted == {0: world.ses.mails[0].message_id}
    assert (record.open, record.lease_until, record.failed) == ((), 0.0, {})
    assert (record.metadata, record.tags) == (({"order": 17},), ("welcome",))
    assert record.expires_at == START + 7 * DAY


def test_a_job_is_forgotten_after_the_ledgers_days_and_then_is_a_new_one() -> None:
    world = World()
    world.put()
    world.deliver()
    world.wait(7 * DAY + 1)
    world.put()
    world.deliver()
    assert world.ses.sent_to == ["ann", "ann"]


def test_a_merge_that_waits_longer_than_the_ledger_remembers_sends_nothing_twice() -> None:
    world = World(ledger_days=1)
    world.pace.largest = 1
    world.pace.decisions = [lambda count: [SendAt(due=world.clock.now)] * count]
    world.pace.decisions += [lambda count: [QuotaExhausted()] * count] * 200
    world.put(**newsletter(2))
    world.run(4 * DAY)
    assert (world.ses.sent_to, world.queues.messages) == (["c0", "c1"], {})
    assert world.clock.now > START + 2 * DAY
    assert world.record("job-news").expires_at <= world.clock.now + DAY + 1

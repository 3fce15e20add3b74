"""Jobs that wait for the account: sending is paused, or the quota is used up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.system import System


def test_a_job_waits_while_sending_is_paused(system: System) -> None:
    system.simulator.put("account", json={"sending_enabled": False}).raise_for_status()
    held = system.send()
    known = system.wait_for_record(held, lambda record: record.attempts.get("paused") == 1)
    assert not system.details(job_id=held)

    system.simulator.put("account", json={"sending_enabled": True}).raise_for_status()
    later = system.send()

    assert system.wait(1, job_id=later, event_type="delivered")
    assert system.wait(1, job_id=held, event_type="delivered")
    # SES refused: nothing is in doubt, and the wait is counted under its own kind
    assert (known.state, known.open, dict(known.attempts)) == ("active", (), {"paused": 1})


def test_a_job_waits_while_aws_has_paused_the_account(system: System) -> None:
    paused = "Sending paused for this account. For more information, please check your inbox."
    system.add_faults({"operation": "SendEmail", "error": "MessageRejected", "message": paused, "count": 1})

    job_id = system.send()

    assert system.wait(1, job_id=job_id, event_type="delivered")
    assert not system.details(job_id=job_id, event_type="rejected")
    known = system.wait_for_record(job_id, lambda record: record.lease_until == 0)
    assert dict(known.attempts) == {"paused": 1}


def test_jobs_over_the_daily_quota_wait_and_do_not_fail(system: System) -> None:
    rule = {
        "operation": "SendEmail",
        "error": "LimitExceededException",
        "message": "Daily message quota exceeded.",
        "count": 1,
    }
    system.add_faults(rule)
    refused = system.send()
    asked = system.wait_for_record(refused, lambda record: not record.open)
    # mail to the mailbox simulator does not count
    system.change_account(max_24_hour_send=1, sent_last_24_hours=1)
    faulted = system.account()["throttled"]
    unasked = system.send(to=["ann@example.org"])
    system.wait_for_log("Sender", unasked)
    # Mailbus knows the quota, so SES was not called
    assert system.account()["throttled"] == faulted
    assert system.ledger_record(unasked) is None
    system.change_account(max_24_hour_send=50_000)

    assert (asked.state, dict(asked.attempts)) == ("active", {"quota": 1})
    for job_id in (refused, unasked):
        assert system.wait(1, job_id=job_id, event_type="delivered")
        assert not system.details(job_id=job_id, event_type="failed")

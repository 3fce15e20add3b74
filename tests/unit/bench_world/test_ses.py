from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from bench.world.clock import Clock
from bench.world.costs import SES_CPU
from bench.world.ses import Ses, SesClient
from tests.unit.bench_world.worlds import chance, process, timed


def mail(recipients: int = 1) -> dict[str, Any]:
    return {
        "EmailTags": [{"Name": "mailbus-job-id", "Value": "job-1"}],
        "Destination": {"ToAddresses": [f"c{number}@example.org" for number in range(recipients)]},
    }


def accepts(ses: Ses, recipients: int = 1) -> bool:
    try:
        ses.send_email(mail(recipients))
    except ClientError as error:
        return error.response["Error"]["Code"] != "TooManyRequestsException"
    return True


def test_the_bucket_holds_one_second_of_the_rate_and_fills_at_the_rate() -> None:
    clock = Clock()
    ses = Ses(clock, 14)
    assert [accepts(ses) for _ in range(15)] == [True] * 14 + [False]
    clock.run(clock.now + 0.5)
    assert [accepts(ses) for _ in range(8)] == [True] * 7 + [False]
    assert (len(ses.accepted), len(ses.throttled)) == (21, 2)


def test_the_bucket_holds_one_mail_at_least() -> None:
    assert accepts(Ses(Clock(), 0.5))


def test_a_mail_with_more_recipients_than_the_bucket_holds_needs_it_full_and_leaves_it_below_zero() -> None:
    clock = Clock()
    ses = Ses(clock, 14)
    assert accepts(ses)
    assert not accepts(ses, 50)
    clock.run(clock.now + 1 / 14)
    assert accepts(ses, 50)
    clock.run(clock.now + 36 / 14)
    assert not accepts(ses)
    clock.run(clock.now + 1 / 14)
    assert accepts(ses)


def test_a_rate_that_changes_is_kept_at_once() -> None:
    ses = Ses(Clock(), 500)
    ses.change_rate(2)
    assert [accepts(ses) for _ in range(3)] == [True, True, False]
    assert ses.get_account()["SendQuota"]["MaxSendRate"] == 2


def test_mails_over_the_quota_are_refused_and_counted() -> None:
    ses = Ses(Clock(), 14, quota=5)
    ses.send_email(mail(4))
    with pytest.raises(ClientError) as error:
        ses.send_email(mail(2))
    assert error.value.response["Error"] == {
        "Code": "LimitExceededException",
        "Message": "Daily message quota exceeded.",
    }
    assert ses.over_quota == 1
    quota = ses.get_account()["SendQuota"]
    assert (quota["Max24HourSend"], quota["SentLast24Hours"]) == (5, 4)


def test_the_entries_of_a_bulk_call_are_accepted_one_by_one() -> None:
    ses = Ses(Clock(), 2)
    entry = {"ReplacementTags": mail()["EmailTags"], "Destination": mail()["Destination"]}
    results = ses.send_bulk_email({"BulkEmailEntries": [entry] * 3})["BulkEmailEntryResults"]
    assert [result["Status"] for result in results] == ["SUCCESS", "SUCCESS", "ACCOUNT_THROTTLED"]


def test_get_account_answers_once_a_second() -> None:
    clock = Clock()
    ses = Ses(clock, 14)
    ses.get_account()
    clock.run(clock.now + 0.9)
    with pytest.raises(ClientError) as error:
        ses.get_account()
    assert error.value.response["Error"]["Code"] == "TooManyRequestsException"
    clock.run(clock.now + 0.1)
    ses.get_account()


def test_a_call_counts_a_few_milliseconds_after_it_began_and_is_answered_later() -> None:
    clock = Clock()
    ses = Ses(clock, 500)
    client = SesClient(process(clock), ses, chance())
    for _ in range(100):
        began = clock.now
        _, took = timed(clock, lambda: client.send_email(**mail()))
        assert 0.036 <= took - SES_CPU <= 0.108
        assert 0.003 <= ses.accepted[-1].at - began - SES_CPU <= 0.020
    assert ses.calls["SendEmail"] == 100

from __future__ import annotations

import pytest

from mailbus_cli import mails
from mailbus_cli.errors import CommandError
from tests.unit.mailbus.ledger.world import job
from tests.unit.mailbus.timeline.timelines import event, message
from tests.unit.mailbus_cli.mail_stage import MailStage


@pytest.fixture
def stage() -> MailStage:
    made = MailStage()
    made.record(
        event("queued"),
        event("delivered", 1),
        event("queued", 2, message_id=message(2), job_id="order-1002", recipient="bob@example.org", tags=()),
        event("bounced", 3, message_id=message(2), job_id="order-1002", recipient="bob@example.org", tags=()),
    )
    return made


@pytest.mark.parametrize(
    ("text", "jobs"),
    [
        ("ann@example.com", ["order-1001"]),
        ("ann@EXAMPLE.com", ["order-1001"]),
        ("Ann@Example.com", ["order-1001"]),
        ("@example.org", ["order-1002"]),
        ("@EXAMPLE.org", ["order-1002"]),
        ("tag:receipt", ["order-1001"]),
        ("order-1002", ["order-1002"]),
        (message(2), ["order-1002"]),
        (f"<{message(1)}@eu-west-1.amazonses.com>", ["order-1001"]),
        ("@com", []),
        ("tag:rec", []),
        ("nobody@example.org", []),
    ],
)
def test_mail_is_found_by_whatever_is_known_of_it(stage: MailStage, text: str, jobs: list[str]) -> None:
    assert [mail.job_id for mail in mails.search(stage.deployment, text).mails] == jobs


def test_the_newest_come_first_and_no_more_than_asked_for() -> None:
    stage = MailStage()
    stage.record(*(event("sent", n, message_id=message(n), job_id=f"job-{n}") for n in range(70)))
    found = mails.search(stage.deployment, "ann@example.com", limit=2)
    assert ([mail.job_id for mail in found.mails], found.more) == (["job-69", "job-68"], True)
    found = mails.search(stage.deployment, "@example.com", limit=60)
    assert (len(found.mails), found.more) == (60, True)
    assert not mails.search(stage.deployment, "tag:receipt", limit=70).more


def test_a_job_is_found_before_its_first_event_by_the_ledger(stage: MailStage) -> None:
    stage.ledger.claimed(
        job(7, state="scheduled", due=4_000_000_000.0, open=(), lease_until=0.0, expires_at=5_000_000_000)
    )
    found = mails.search(stage.deployment, "order-7")
    assert found.job is not None
    assert (found.job.status, found.mails) == ("scheduled", ())


def test_a_job_is_answered_by_the_ledger_where_the_stage_keeps_no_timeline(stage: MailStage) -> None:
    del stage.outputs["TimelineTableName"]
    stage.ledger.claimed(job(7, accepted={0: message(7)}, open=(), expires_at=5_000_000_000))
    found = mails.search(stage.deployment, "order-7")
    assert found.job is not None
    assert (found.job.status, found.job.message_ids) == ("queued", (message(7),))


@pytest.mark.parametrize("text", ["ann@example.com", "@example.com", "tag:receipt", message(1)])
def test_where_only_a_timeline_could_answer_its_absence_is_an_error(stage: MailStage, text: str) -> None:
    del stage.outputs["TimelineTableName"]
    with pytest.raises(mails.NoTimeline, match="stage prod in eu-west-1 keeps no timeline") as error:
        mails.search(stage.deployment, text)
    assert error.value.hint == "set `timeline.days` and deploy"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jnae@example.com", "No mail to jnae@example.com. The timeline of prod keeps 30 days."),
        ("order-9", "No job order-9. The timeline of prod keeps 30 days."),
        (message(9), f"No message {message(9)}. The timeline of prod keeps 30 days."),
        ("@a.example", "No mail to @a.example. The newest 2 mails of prod were looked through."),
        ("tag:x", "No mail with tag x. The newest 2 mails of prod were looked through."),
    ],
)
def test_what_is_not_found_says_how_far_back_it_was_looked(stage: MailStage, text: str, said: str) -> None:
    found = mails.search(stage.deployment, text)
    assert found.is_empty
    assert mails.nothing_found(stage.deployment, found) == said


@pytest.mark.parametrize(("operation", "text"), [("query", "ann@example.com"), ("query", "order-1")])
def test_a_missing_right_is_named(stage: MailStage, operation: str, text: str) -> None:
    stage.denied = {operation}
    with pytest.raises(CommandError, match=r"cannot be read: .* may not") as error:
        mails.search(stage.deployment, text)
    assert "allow it" in error.value.hint

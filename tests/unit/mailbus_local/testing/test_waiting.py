from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mailbus.events import EmailEvent, InboundEvent
from mailbus_local.testing.dead_letters import DeadLetter
from mailbus_local.testing.errors import SystemFailed
from mailbus_local.testing.mail import Mail, to_mail
from mailbus_local.testing.waiting import Wait

NOW = datetime(2026, 11, 29, tzinfo=UTC)
ACCEPTED = {
    "message_id": "0100",
    "from": "shop@example.com",
    "recipients": ["bob@example.com"],
    "tags": {"mailbus-job-id": "job-1"},
    "raw": "To: bob@example.com\r\nSubject: Your invoice\r\n\r\nsecret\r\n",
}
REFUSED = "Email address is not verified."


def event(event_type: Any, **fields: Any) -> EmailEvent:
    return EmailEvent(event_type=event_type, event_id=f"{event_type}{fields}", timestamp=NOW, **fields)


class Observed:
    """A system in which nothing changes, but for what is pending: an item less with each question."""

    def __init__(self) -> None:
        self.accepted: list[Mail] = []
        self.seen: list[EmailEvent | InboundEvent] = []
        self.letters: list[DeadLetter] = []
        self.work = [{"send": 1}]
        self.ended = False

    def mails(self) -> tuple[Mail, ...]:
        return tuple(self.accepted)

    def events(self) -> tuple[EmailEvent | InboundEvent, ...]:
        return tuple(self.seen)

    def dead_letters(self) -> tuple[DeadLetter, ...]:
        return tuple(self.letters)

    def pending(self) -> dict[str, int]:
        return self.work.pop() if self.work else {}

    def check_running(self) -> None:
        if self.ended:
            reason = "the system has ended"
            raise SystemFailed(reason)


def test_it_returns_the_first_answer_that_is_true() -> None:
    answers = iter([[], [], ["found"]])

    assert Wait(Observed()).until(lambda: next(answers), "nothing", seconds=1) == ["found"]


def test_a_failure_lists_what_arrived_instead_failures_first_and_no_bodies() -> None:
    observed = Observed()
    observed.accepted = [to_mail(ACCEPTED)]
    observed.seen = [
        event("delivered", job_id="job-1", recipient="bob@example.com"),
        event("bounced", job_id="job-2", recipient="eve@example.com", description="Permanent: General"),
        InboundEvent(event_type="inbound_failed", event_id="3", timestamp=NOW, description="no such object"),
    ]
    observed.letters = [
        DeadLetter(queue="send", body="{}", error="InvalidJob", code=None, reason="empty", path="$.to"),
        DeadLetter(queue="inbound", body="{}", error=None, code=None, reason=None, path=None),
    ]

    with pytest.raises(AssertionError) as failure:
        Wait(observed).until(list, "no mail with to='ada@example.com'", seconds=0.1)

    assert str(failure.value).splitlines() == [
        "no mail with to='ada@example.com' after 0.1 s",
        "  mails that arrived:",
        "    to bob@example.com: 'Your invoice' (job job-1)",
        "  events:",
        "    bounced for eve@example.com (job job-2): Permanent: General",
        "    inbound_failed (message None): no such object",
        "    delivered for bob@example.com (job job-1)",
        "  dead letters:",
        "    send: InvalidJob: $.to: empty",
        "    inbound: moved by SQS: no reason",
        "  messages in queues:",
        "    send: 1",
    ]


def test_a_long_list_is_cut() -> None:
    observed = Observed()
    observed.seen = [event("queued", job_id=f"job-{number}") for number in range(12)]

    with pytest.raises(AssertionError) as failure:
        Wait(observed).until(list, "no mail", seconds=0.1)

    assert "    queued (job job-9)\n    … and 2 more\n" in str(failure.value)


@pytest.mark.parametrize("event_type", ["failed", "rejected"])
@pytest.mark.parametrize("whose", [{"job_id": "job-1"}, {"recipient": "ada@example.com"}])
def test_it_does_not_wait_for_a_job_that_has_failed_once_no_work_is_left(
    event_type: str, whose: dict[str, str]
) -> None:
    observed = Observed()
    observed.seen = [
        event(event_type, job_id="job-1", recipient="ada@example.com", error_code="X", description=REFUSED)
    ]

    with pytest.raises(AssertionError, match=r"no mail: its job failed\n") as failure:
        Wait(observed).until(list, "no mail", seconds=3600, **whose)

    assert f"{event_type} X for ada@example.com (job job-1): {REFUSED}" in str(failure.value)


def test_the_failure_of_another_job_does_not_end_the_wait() -> None:
    observed = Observed()
    observed.seen = [event("failed", job_id="job-2", recipient="bob@example.com")]

    with pytest.raises(AssertionError, match=r"after 0.1 s"):
        Wait(observed).until(list, "no mail", seconds=0.1, job_id="job-1", recipient="ada@example.com")


def test_it_does_not_wait_for_a_system_that_has_ended() -> None:
    observed = Observed()
    observed.ended = True

    with pytest.raises(SystemFailed, match="has ended"):
        Wait(observed).until(list, "no mail", seconds=3600)

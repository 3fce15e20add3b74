"""What redriving does is said for each error, before it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailbus_cli.dead_letters.consequences import consequences, words
from mailbus_cli.dead_letters.reading import read
from mailbus_cli.job_states import JobState
from tests.unit.mailbus_cli.dead_letters.fake_sqs import SEND, TRACKING, FakeSqs, deployment_of, text_of

if TYPE_CHECKING:
    from mailbus_cli.dead_letters.letters import Letter


def letter(code: str | None, path: str | None = None, queue: str = "send") -> Letter:
    sqs = FakeSqs()
    attributes = {"Code": code, "Error": code, "Path": path}
    sqs.put(f"{queue}-dead", text_of(), {name: value for name, value in attributes.items() if value})
    [found] = read(deployment_of(sqs), SEND if queue == "send" else TRACKING).letters
    return found


@pytest.mark.parametrize(
    ("code", "path", "as_it_is"),
    [
        ("InvalidJob", "$.subject", "fails"),
        ("InvalidJob", "$.attachments[0].s3", "tried"),
        ("InvalidJob", "$.content_ref", "tried"),
        ("UnsupportedFeature", "$.esp_extra", "fails"),
        ("JobIdConflict", "$.job_id", "fails"),
        ("Expired", None, "fails"),
        ("OutcomeUnknown", None, "not_sent"),
        ("WaitedTooLong", None, "tried"),
        ("UnexpectedError", None, "tried"),
        ("MessageRejected", None, "tried"),
        ("SomethingNew", None, "tried"),
        (None, None, "tried"),
    ],
)
def test_a_job_fails_again_is_tried_again_or_is_not_sent(
    code: str | None, path: str | None, as_it_is: str
) -> None:
    found = consequences(letter(code, path))
    assert (found.as_it_is, bool(found.text)) == (as_it_is, True)


@pytest.mark.parametrize(
    ("code", "as_it_is"),
    [
        ("WiringError", "fails"),
        ("InvalidNotification", "fails"),
        ("EntryTooLarge", "fails"),
        ("Throttling", "tried"),
        (None, "tried"),
    ],
)
def test_a_letter_of_another_function_cannot_be_changed(code: str | None, as_it_is: str) -> None:
    found = consequences(letter(code, queue="tracking"))
    assert (found.as_it_is, found.changed) == (as_it_is, None)
    assert ("same ids" in found.text) == (as_it_is == "tried")


def state(accepted: int, total: int) -> JobState:
    return JobState(
        job_id="ticket-3317",
        status="not_sent",
        counts={"queued": accepted, "not_sent": total - accepted},
        message_ids=tuple(f"m{one}" for one in range(accepted)),
    )


def test_what_ses_has_accepted_is_said_as_the_ledger_knows_it() -> None:
    rejected = letter("MessageRejected")
    assert consequences(rejected, state(3, 5)).text.startswith(
        "SES has accepted 3 of its 5 mails. Only the others are tried."
    )
    assert consequences(rejected, state(5, 5)).text.startswith(
        "SES has accepted 5 of its 5 mails. None is sent again."
    )
    assert consequences(rejected).text.startswith("As it is")
    assert consequences(letter("InvalidJob", "$.to")).text.startswith("Nothing of this job was accepted")
    # what was accepted under this id is another job
    assert "accepted" not in consequences(letter("JobIdConflict", "$.job_id"), state(1, 1)).text


@pytest.mark.parametrize("queue", ["send", "tracking"])
@pytest.mark.parametrize("code", ["InvalidJob", "WiringError", "InvalidNotification", "SomethingNew", None])
def test_every_letter_has_plain_words_and_advice(queue: str, code: str | None) -> None:
    said = words(letter(code, queue=queue))
    assert said.sentence.endswith(".")
    assert said.advice.endswith(".")

"""Letters are named by their job, their id or its beginning, or chosen by their error."""

from __future__ import annotations

import pytest

from mailbus_cli.dead_letters.letters import Letter, letter_of
from mailbus_cli.dead_letters.selection import choose, find, read_queues
from mailbus_cli.errors import CommandError, UsageError
from tests.unit.mailbus_cli.dead_letters.fake_sqs import SEND, FakeSqs, deployment_of, text_of


def letter(letter_id: str, job_id: str, code: str = "InvalidJob", path: str = "$.to") -> Letter:
    return letter_of(
        SEND,
        {
            "MessageId": letter_id,
            "Body": text_of(job_id=job_id),
            "MessageAttributes": {"Code": {"StringValue": code}, "Path": {"StringValue": path}},
        },
    )


LETTERS = (
    letter("aaaaaaaa-1", "order-1"),
    letter("aaaaaaaa-2", "order-2", "Expired", ""),
    letter("bbbbbbbb-1", "order-1", path="$.cc"),
)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("order-1", ["aaaaaaaa-1", "bbbbbbbb-1"]),
        ("aaaaaaaa-2", ["aaaaaaaa-2"]),
        ("bbbbbb", ["bbbbbbbb-1"]),
    ],
)
def test_a_name_is_a_job_or_the_beginning_of_an_id(name: str, found: list[str]) -> None:
    assert [one.id for one in find(LETTERS, name)] == found


@pytest.mark.parametrize(
    ("name", "hint"), [("aaaaaaaa", "aaaaaaaa-1, aaaaaaaa-2"), ("bbbbb", "list"), ("", "list")]
)
def test_a_name_of_none_or_of_several_is_refused(name: str, hint: str) -> None:
    with pytest.raises(CommandError) as raised:
        find(LETTERS, name)
    assert hint in raised.value.hint


@pytest.mark.parametrize(
    ("error", "found"),
    [("invalidjob", ["order-1", "order-1"]), ("InvalidJob at $.cc", ["order-1"]), ("Expired", ["order-2"])],
)
def test_letters_are_chosen_by_their_error(error: str, found: list[str]) -> None:
    assert [one.job_id for one in choose(LETTERS, (), error=error, everything=False)] == found


def test_a_letter_that_is_named_twice_is_chosen_once() -> None:
    assert len(choose(LETTERS, ("order-1", "aaaaaaaa-1"), error=None, everything=False)) == 2


def test_all_are_all() -> None:
    assert choose(LETTERS, (), error=None, everything=True) == LETTERS


@pytest.mark.parametrize(
    ("names", "error", "everything"),
    [((), None, False), (("order-1",), "Expired", False), ((), "Expired", True)],
)
def test_letters_are_chosen_in_one_way(names: tuple[str, ...], error: str | None, everything: bool) -> None:  # noqa: FBT001 - a parameter
    with pytest.raises(UsageError):
        choose(LETTERS, names, error=error, everything=everything)


def test_an_error_that_no_letter_has_is_named_with_those_that_there_are() -> None:
    with pytest.raises(CommandError) as raised:
        choose(LETTERS, (), error="MessageRejected", everything=False)
    assert raised.value.hint == "there are Expired, InvalidJob"
    with pytest.raises(CommandError, match="there are no dead letters"):
        choose((), (), error=None, everything=True)


def test_all_queues_are_read_or_the_one_that_is_named() -> None:
    deployment = deployment_of(FakeSqs())
    assert [one.queue for one in read_queues(deployment)] == ["send", "tracking", "timeline"]
    assert [one.queue for one in read_queues(deployment, "tracking")] == ["tracking"]

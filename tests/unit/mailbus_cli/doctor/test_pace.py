from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from mailbus_cli.doctor.pace import SECONDS, Pace


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetAccount")


def test_calls_of_one_action_are_apart_and_others_do_not_wait() -> None:
    waits: list[float] = []
    pace = Pace(clock=lambda: 100.0, sleep=waits.append)
    for operation in ("GetEmailIdentity", "GetEmailIdentity", "GetEmailIdentity", "GetAccount"):
        assert pace.call(operation, lambda: "answer") == "answer"
    assert waits == pytest.approx([0.0, SECONDS, 2 * SECONDS, 0.0])


def test_a_call_that_others_throttled_is_made_again_in_its_turn() -> None:
    answers: list[ClientError | str] = [_error("TooManyRequestsException"), _error("Throttling"), "answer"]

    def call() -> str:
        answer = answers.pop(0)
        if isinstance(answer, ClientError):
            raise answer
        return answer

    assert Pace(sleep=lambda _seconds: None).call("GetAccount", call) == "answer"


@pytest.mark.parametrize(("code", "calls"), [("TooManyRequestsException", 4), ("NotFoundException", 1)])
def test_calls_end_and_other_errors_are_raised_at_once(code: str, calls: int) -> None:
    made: list[str] = []

    def call() -> None:
        made.append(code)
        raise _error(code)

    with pytest.raises(ClientError):
        Pace(sleep=lambda _seconds: None).call("GetAccount", call)
    assert len(made) == calls

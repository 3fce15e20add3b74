from __future__ import annotations

import time

import pytest
from botocore.exceptions import ClientError

from mailbus_cli.doctor.pace import Pace


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetAccount")


def test_calls_of_one_action_are_apart_and_others_do_not_wait() -> None:
    pace = Pace(0.05)
    began = time.monotonic()
    times = [pace.call("GetEmailIdentity", time.monotonic) - began for _ in range(3)]
    other = pace.call("GetAccount", time.monotonic)

    assert times[1] - times[0] >= 0.045
    assert times[2] - times[1] >= 0.045
    assert other - began - times[2] < 0.045


def test_a_call_that_others_throttled_is_made_again_in_its_turn() -> None:
    answers: list[ClientError | str] = [_error("TooManyRequestsException"), _error("Throttling"), "answer"]

    def call() -> str:
        answer = answers.pop(0)
        if isinstance(answer, ClientError):
            raise answer
        return answer

    assert Pace(0.001).call("GetAccount", call) == "answer"


@pytest.mark.parametrize(("code", "calls"), [("TooManyRequestsException", 4), ("NotFoundException", 1)])
def test_calls_end_and_other_errors_are_raised_at_once(code: str, calls: int) -> None:
    made: list[str] = []

    def call() -> None:
        made.append(code)
        raise _error(code)

    with pytest.raises(ClientError):
        Pace(0.001).call("GetAccount", call)
    assert len(made) == calls

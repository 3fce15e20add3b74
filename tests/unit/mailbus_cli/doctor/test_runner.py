from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import boto3
import msgspec
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from mailbus_cli.deployment import Deployment
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.facts import Facts
from mailbus_cli.doctor.registry import CHECKS
from mailbus_cli.doctor.runner import chosen, run_checks
from mailbus_cli.doctor.verdict import Verdict, ok, problem
from mailbus_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

DENIED = {"Error": {"Code": "AccessDeniedException", "Message": "User is not authorized"}}


def _facts() -> Facts:
    return Facts(Deployment(stage="prod", session=boto3.Session(region_name="eu-west-1"), outputs={}), None)


def _check(run: Callable[[Facts], Verdict], name: str = "example", **fields: Any) -> Check:
    return Check(name=name, title=name.title(), run=run, **fields)


def _raises(error: Exception) -> Callable[[Facts], Verdict]:
    def run(_facts: Facts) -> Verdict:
        raise error

    return run


def test_findings_are_in_the_order_of_the_checks_whichever_ends_first() -> None:
    second_done = threading.Event()

    def first(_facts: Facts) -> Verdict:
        assert second_done.wait(10), "checks run at the same time"
        return ok("one")

    def second(_facts: Facts) -> Verdict:
        second_done.set()
        return problem("two", fix="mail", record="a\nb")

    found = run_checks([_check(first, "first"), _check(second, "second")], _facts())

    assert [(one.check, one.title, one.level, one.text) for one in found] == [
        ("first", "First", "ok", "one"),
        ("second", "Second", "problem", "two"),
    ]
    assert (found[1].fix, found[1].record) == ("mail", "a\nb")


def test_a_check_without_a_right_names_the_action_and_is_a_warning_of_its_own() -> None:
    error = ClientError(DENIED, "GetEmailIdentity")  # type: ignore[arg-type]  # of the stubs
    rights = ("ses:GetAccount", "ses:GetEmailIdentity")

    denied, other = run_checks(
        [_check(_raises(error), rights=rights), _check(lambda _: ok("fine"))], _facts()
    )

    assert (denied.level, denied.text) == (
        "warning",
        "cannot be checked: these credentials lack ses:GetEmailIdentity",
    )
    assert denied.fix == "allow it: the policy is in docs/doctor.md"
    assert other.level == "ok"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadBucket"),
            "these credentials lack s3:ListBucket",
        ),
        (
            ClientError({"Error": {"Code": "ExpiredTokenException", "Message": "x"}}, "GetAccount"),
            "the credentials have expired",
        ),
        (
            ClientError({"Error": {"Code": "InternalFailure", "Message": "Try\nagain"}}, "GetAccount"),
            "GetAccount: InternalFailure: Try again",
        ),
        (
            EndpointConnectionError(endpoint_url="https://email.eu-west-1.amazonaws.com"),
            'Could not connect to the endpoint URL: "https://email.eu-west-1.amazonaws.com"',
        ),
        (KeyError("Attributes"), "the check itself failed with KeyError: 'Attributes'"),
    ],
)
def test_what_goes_wrong_with_a_check_is_a_warning_that_says_why(error: Exception, text: str) -> None:
    [found] = run_checks([_check(_raises(error), rights=("s3:ListBucket",))], _facts())

    assert (found.level, found.text) == ("warning", f"cannot be checked: {text}")


def test_what_the_outputs_name_and_is_gone_is_a_problem() -> None:
    error = ClientError(
        {
            "Error": {
                "Code": "AWS.SimpleQueueService.NonExistentQueue",
                "Message": "The specified queue does not exist.",
            }
        },
        "GetQueueAttributes",
    )

    [found] = run_checks([_check(_raises(error))], _facts())

    assert (found.level, found.fix) == ("problem", "deploy the stage again")
    assert found.text == "GetQueueAttributes: The specified queue does not exist."


def test_a_check_that_hangs_ends_with_the_time_and_holds_up_nothing() -> None:
    release = threading.Event()

    def hang(_facts: Facts) -> Verdict:
        release.wait(60)
        return ok("late")

    began = time.monotonic()
    hung, other = run_checks([_check(hang), _check(lambda _: ok("fine"))], _facts(), seconds=0.05)
    took = time.monotonic() - began
    release.set()

    assert (hung.level, hung.text) == ("warning", "cannot be checked: it took over 0 s")
    assert other.level == "ok"
    assert took < 5


def test_what_comes_from_mail_or_dns_commands_no_terminal() -> None:
    [found] = run_checks([_check(lambda _: problem("\x1b[2Jx\ny", record="a\x1b\nb"))], _facts())

    assert (found.text, found.record) == ("<U+001B>[2Jx y", "a<U+001B>\nb")


def test_checks_are_chosen_by_name() -> None:
    assert [one.name for one in chosen(CHECKS, only=["mx", "dkim"], skip=["mx"])] == ["dkim"]
    assert [one.name for one in chosen(CHECKS, only=[], skip=["dkim"])] == [
        one.name for one in CHECKS if one.name != "dkim"
    ]


def test_a_check_that_does_not_exist_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="there is no check dead-leters") as raised:
        chosen(CHECKS, only=[], skip=["dead-leters"])
    assert raised.value.hint == "did you mean dead-letters?"
    with pytest.raises(UsageError) as raised:
        chosen(CHECKS, only=["zzz"], skip=[])
    assert raised.value.hint.startswith("checks: identity, dkim")


def test_no_two_checks_have_one_name() -> None:
    names = [one.name for one in CHECKS]
    assert len({*names}) == len(names) == len({one.title for one in CHECKS})


def test_findings_are_json_for_programs() -> None:
    found = run_checks([_check(lambda _: ok("fine"))], _facts())
    assert msgspec.json.decode(msgspec.json.encode(found)) == [
        {
            "check": "example",
            "title": "Example",
            "level": "ok",
            "text": "fine",
            "fix": None,
            "record": None,
            "checked": True,
        }
    ]

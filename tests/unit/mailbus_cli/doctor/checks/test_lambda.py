"""The checks of functions: code, state, what they read, how many run."""

from __future__ import annotations

from typing import Any

import pytest

from mailbus_cli.doctor.checks import code, concurrency, event_sources, functions
from mailbus_cli.doctor.checks.code import Build

# https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
MAPPING: dict[str, Any] = {
    "UUID": "a1b2",
    "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:sender",
    "State": "Enabled",
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "LastProcessingResult": "No records processed",
}


@pytest.mark.parametrize(
    ("deployed", "level", "text"),
    [
        (Build(version="1.0", digest="aaaa"), "ok", "version 1.0, as installed here"),
        (Build(version="0.9", digest="aaaa"), "warning", "version 0.9 is deployed, 1.0 is installed here"),
        (Build(version="1.0", digest="b" * 64), "warning", "with other code (bbbbbbbb) than"),
    ],
)
def test_the_deployed_code_is_that_of_the_installed_version(deployed: Build, level: str, text: str) -> None:
    verdict = code.judge(deployed, Build(version="1.0", digest="aaaa"), local=False)
    assert verdict.level == level
    assert text in verdict.text


def test_on_the_laptop_a_new_start_deploys_changed_code() -> None:
    changed = code.judge(Build(version="1", digest="a"), Build(version="1", digest="b"), local=True)
    assert changed.fix == "start `mailbus local` again"


def test_a_function_with_other_code_than_the_rest_is_named() -> None:
    assert code.judge_functions({"sender": "x", "tracking": "x"}).level == "ok"
    assert code.judge_functions({}).level == "ok"
    verdict = code.judge_functions({"sender": "x", "tracking": "y", "inbound": "x"})
    assert (verdict.level, verdict.text.startswith("the code of tracking is not that")) == ("warning", True)


@pytest.mark.parametrize(
    ("function", "level", "text"),
    [
        ({"State": "Active", "LastUpdateStatus": "Successful"}, "ok", "sender"),
        ({}, "ok", "sender"),
        ({"State": "Inactive", "LastUpdateStatus": "Successful"}, "ok", "sender"),
        ({"State": "Failed", "StateReason": "no key"}, "problem", "the function sender is Failed (no key)"),
        (
            {"State": "Active", "LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no image"},
            "problem",
            "the last update of sender failed (no image)",
        ),
        ({"State": "Active", "LastUpdateStatus": "InProgress"}, "warning", "sender is being updated"),
        ({"State": "Pending"}, "warning", "sender is being updated"),
        (None, "problem", "the function sender does not exist"),
    ],
)
def test_a_function_is_active_and_up_to_date(function: dict[str, str] | None, level: str, text: str) -> None:
    verdict = functions.judge("sender", function)
    assert verdict.level == level
    assert text in verdict.text


@pytest.mark.parametrize(
    ("change", "level", "text"),
    [
        ({}, "ok", "bulk"),
        (
            {"State": "Disabled"},
            "problem",
            "the bulk queue is not read: its event source mapping is Disabled",
        ),
        ({"State": "Enabling"}, "warning", "the mapping of the bulk queue is Enabling"),
        ({"FunctionResponseTypes": []}, "problem", "whole batches are repeated"),
        (
            {"LastProcessingResult": "PROBLEM: Function call failed"},
            "warning",
            "PROBLEM: Function call failed",
        ),
        ({"FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:x"}, "problem", "no function reads"),
    ],
)
def test_lambda_reads_each_queue_for_its_function(change: dict[str, Any], level: str, text: str) -> None:
    verdict = event_sources.judge("bulk", [{**MAPPING, **change}], "sender")
    assert verdict.level == level
    assert text in verdict.text


def test_a_second_function_would_take_messages_away() -> None:
    thief = {**MAPPING, "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:thief:live"}
    verdict = event_sources.judge("bulk", [MAPPING, thief], "sender")
    assert (verdict.level, verdict.text.startswith("thief reads the bulk queue too")) == ("problem", True)


@pytest.mark.parametrize(("unreserved", "level"), [(1000, "ok"), (25, "ok"), (10, "warning")])
def test_the_account_lets_all_workers_run(unreserved: int, level: str) -> None:
    assert concurrency.judge_account(unreserved, 1000, 25, "eu-west-1").level == level


@pytest.mark.parametrize(
    ("limit", "unreserved", "needed", "asked"), [(10, 10, 25, 1000), (1000, 900, 1200, 1300)]
)
def test_what_is_asked_for_is_the_default_or_what_the_stage_needs(
    limit: int, unreserved: int, needed: int, asked: int
) -> None:
    assert concurrency.judge_account(unreserved, limit, needed, "eu-west-1").record == (
        "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384"
        f" --desired-value {asked} --region eu-west-1"
    )


@pytest.mark.parametrize(("reserved", "level"), [(None, "ok"), (10, "ok"), (9, "warning"), (0, "problem")])
def test_a_reservation_is_large_enough(reserved: int | None, level: str) -> None:
    assert concurrency.judge_function("sender", reserved, 10).level == level


def test_a_function_without_queues_may_be_stopped_too() -> None:
    assert concurrency.judge_function("webhook", 0, 1).level == "problem"
    assert concurrency.judge_function("webhook", 1, 0).level == "ok"

from __future__ import annotations

from collections import Counter

from bench.chaos import rules
from bench.chaos.calls import Call
from bench.chaos.plan import Plan, Rule

CUT = Rule(function="sender", service="dynamodb", operations=("UpdateItem",), fault="cut", times=3, gap=5)
CALL = Call(function="sender", service="dynamodb", operation="UpdateItem", body=b'{"Key": "job#17"}')
FUNCTIONS = {"sender", "tracking", "inbound", "timeline", "webhook", "guard"}


def fates(plan: Plan, count: int = 100) -> list[Rule | None]:
    return [plan.decide(CALL) for _ in range(count)]


def test_the_seed_decides_which_calls_have_a_fault() -> None:
    assert fates(Plan([CUT], 47)) == fates(Plan([CUT], 47))
    assert len({tuple(rule is None for rule in fates(Plan([CUT], seed))) for seed in range(10)}) > 5


def test_a_fault_happens_as_often_as_its_rule_says() -> None:
    plan = Plan([CUT], 47)
    assert Counter(fates(plan)) == {CUT: 3, None: 97}
    assert plan.happened() == [(CUT, 3)]
    assert plan.done()
    assert plan.calls("dynamodb", "UpdateItem", "PutItem") == 100


def test_a_burst_is_of_calls_one_after_the_other() -> None:
    burst = Rule(function="sender", service="dynamodb", fault="cut", times=1, gap=10, burst=4)
    found = [rule is not None for rule in fates(Plan([burst], 1))]
    first = found.index(True)
    assert found[first : first + 4] == [True] * 4
    assert sum(found) == 4
    assert burst.planned == 4


def test_a_plan_is_done_when_each_rule_has_had_its_calls() -> None:
    burst = Rule(function="sender", service="dynamodb", fault="cut", times=1, gap=1, burst=2)
    plan = Plan([burst], 1)
    assert not plan.done()
    plan.decide(CALL)
    assert not plan.done()
    plan.decide(CALL)
    assert plan.done()


def test_only_calls_that_a_rule_is_about_count() -> None:
    job = Rule(function="sender", service="dynamodb", fault="cut", times=1, gap=1, content=b"job#")
    plan = Plan([job, CUT], 1)
    others = (
        Call(function="tracking", service="dynamodb", operation="UpdateItem", body=b"job#"),
        Call(function="sender", service="sqs", operation="UpdateItem", body=b"job#"),
        Call(function="", service="dynamodb", operation="UpdateItem", body=b"job#"),
        Call(function="sender", service="dynamodb", operation="GetItem", body=b"rate#"),
    )
    assert [plan.decide(call) for call in others for _ in range(20)] == [None] * 80
    assert plan.decide(CALL) == job


def test_of_two_rules_that_are_due_one_has_the_next_call() -> None:
    first, second = (
        Rule(function="sender", service="dynamodb", fault="cut", times=1, gap=1, code=code) for code in "ab"
    )
    assert fates(Plan([first, second], 1), 3) == [first, second, None]


def test_a_stopped_plan_lets_all_calls_pass() -> None:
    plan = Plan([CUT], 47)
    plan.stop()
    assert set(fates(plan)) == {None}


def test_every_function_is_killed_and_every_service_fails() -> None:
    assert {rule.function for rule in rules.ALL if rule.is_kill} == FUNCTIONS
    assert {rule.service for rule in rules.ALL if not rule.is_kill} == {
        "dynamodb",
        "eventbridge",
        "sqs",
        "s3",
        "kms",
    }
    for function in ("sender", "tracking", "inbound"):
        partly = [rule for rule in rules.ALL if rule.function == function and rule.fault == "part"]
        assert "eventbridge" in {rule.service for rule in partly}


def test_an_error_has_a_code_and_a_kill_its_point() -> None:
    for rule in rules.ALL:
        assert bool(rule.point) == rule.is_kill
        assert bool(rule.code and rule.status) == (rule.fault == "error")
        assert rule.scaled(0.0001).times == 1

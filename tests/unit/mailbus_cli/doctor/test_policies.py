from __future__ import annotations

import json
from typing import Any

import pytest

from mailbus_cli.doctor.policies import Access, allows

TOPIC = "arn:aws:sns:eu-west-1:111122223333:events"
SET = "arn:aws:ses:eu-west-1:111122223333:configuration-set/mailbus-prod"
ACCESS = Access(
    service="ses.amazonaws.com",
    action="sns:Publish",
    resource=TOPIC,
    source_arn=SET,
    account="111122223333",
)
# as the stacks write it
ALLOW: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"Service": "ses.amazonaws.com"},
    "Action": "sns:Publish",
    "Resource": TOPIC,
    "Condition": {
        "StringEquals": {"aws:SourceAccount": "111122223333"},
        "ArnLike": {"aws:SourceArn": [SET, "arn:aws:ses:eu-west-1:111122223333:identity/*"]},
    },
}
TLS_ONLY: dict[str, Any] = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sns:Publish",
    "Resource": TOPIC,
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_what_the_stacks_write_allows_what_it_is_for() -> None:
    assert allows(_policy(TLS_ONLY, ALLOW), ACCESS)


@pytest.mark.parametrize(
    "change",
    [
        {"Principal": {"Service": "sns.amazonaws.com"}},
        {"Principal": {"AWS": "arn:aws:iam::111122223333:root"}},
        {"Action": ["sns:Subscribe"]},
        {"Resource": f"{TOPIC}-other"},
        {"Effect": "Deny"},
        {"Condition": {"StringEquals": {"AWS:SourceAccount": "444455556666"}}},
        {"Condition": {"ArnLike": {"aws:SourceArn": f"{SET}-other"}}},
    ],
)
def test_a_statement_for_something_else_does_not(change: dict[str, Any]) -> None:
    assert not allows(_policy({**ALLOW, **change}), ACCESS)


@pytest.mark.parametrize(
    "change",
    [
        {"Principal": "*"},
        {"Principal": {"Service": ["sns.amazonaws.com", "ses.amazonaws.com"]}},
        {"Action": "SNS:*"},
        {"Action": "*", "Resource": "*", "Condition": {}},
        {"Condition": {"ArnLike": {"AWS:SOURCEARN": "arn:aws:ses:*:111122223333:configuration-set/*"}}},
        # nothing is known of it
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
    ],
)
def test_a_wider_statement_does_too(change: dict[str, Any]) -> None:
    assert allows(_policy({**ALLOW, **change}), ACCESS)


def test_a_denial_counts_more_unless_its_condition_is_unknown() -> None:
    denial = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sns:*", "Resource": "*"}
    unknown = {**denial, "Condition": {"NumericLessThan": {"s3:TlsVersion": 1.2}}}
    assert not allows(_policy(ALLOW, denial), ACCESS)
    assert allows(_policy(ALLOW, unknown), ACCESS)


@pytest.mark.parametrize("policy", [None, "", "{", "[]", "{}", '{"Statement": "x"}', '{"Statement": [1]}'])
def test_what_is_no_policy_allows_nothing(policy: str | None) -> None:
    assert not allows(policy, ACCESS)


def test_brackets_are_no_patterns() -> None:
    odd = {**ALLOW, "Resource": f"{TOPIC[:-1]}[s]", "Condition": {}}
    assert not allows(_policy(odd), ACCESS)

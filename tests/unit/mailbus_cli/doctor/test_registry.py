"""All checks, where AWS refuses each call and where the stage has no outputs."""

from __future__ import annotations

from typing import Any, NoReturn

import boto3
import pytest
from botocore.exceptions import ClientError

from mailbus_cli.deployment import Deployment
from mailbus_cli.dns import Resolver, Server
from mailbus_cli.doctor.facts import Facts
from mailbus_cli.doctor.registry import CHECKS
from mailbus_cli.doctor.runner import run_checks
from tests import fake_dns

BASE = "https://sqs.eu-west-1.amazonaws.com/111122223333"
OUTPUTS = {
    "Version": "1.0",
    "CodeDigest": "a",
    "ExpectedRate": "14",
    "Identity": "example.com",
    "ConfigurationSetName": "mailbus-prod",
    "EventBusName": "mailbus-prod",
    "LedgerTableName": "ledger",
    "JobsBucketName": "jobs",
    "RuleSetName": "mailbus-prod",
    "ReceiptRules": "mailbus-prod.store",
    "RedirectRecord1": "links.example.com CNAME r.eu-west-1.awstrack.me",
    **{f"{name}FunctionName": name for name in ("Sender", "Tracking", "Inbound", "Timeline")},
    **{f"{name}QueueUrl": f"{BASE}/{name}" for name in ("Send", "Bulk", "Tracking", "Inbound", "Timeline")},
    **{
        f"{name}DeadLetterQueueUrl": f"{BASE}/{name}-dead"
        for name in ("Send", "Tracking", "Inbound", "Timeline")
    },
    **{f"{name}TopicArn": f"arn:aws:sns:eu-west-1:111122223333:{name}" for name in ("Tracking", "Inbound")},
}


class _Refused:
    """A client of AWS without any right."""

    def __getattr__(self, method: str) -> Any:
        def call(**_parameters: Any) -> NoReturn:
            operation = "".join(word.capitalize() for word in method.split("_"))
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, operation)

        return call

    def get_paginator(self, method: str) -> Any:
        class Paginator:
            paginate = getattr(self, method)

        return Paginator


class _Stage(Deployment):
    def client(self, service: str, *, region: str | None = None) -> Any:
        assert service, region
        return _Refused()


def _stage(**outputs: str) -> Deployment:
    return _Stage(stage="prod", session=boto3.Session(region_name="eu-west-1"), outputs=outputs)


def test_without_rights_each_check_that_calls_aws_names_one_of_its_own() -> None:
    rights = {check.name: check.rights for check in CHECKS}
    with fake_dns.running() as dns:
        findings = run_checks(CHECKS, Facts(_stage(**OUTPUTS), Resolver(Server("127.0.0.1", dns.port))))
    for finding in findings:
        if rights[finding.check]:
            text, _, right = finding.text.rpartition(" ")
            assert (finding.level, text) == ("warning", "cannot be checked: these credentials lack")
            assert right in rights[finding.check]
        else:
            assert finding.level == "ok"


@pytest.mark.parametrize("outputs", [{}, {"SesRoleArn": "arn:aws:iam::444455556666:role/send"}])
def test_a_stage_without_outputs_fails_no_check(outputs: dict[str, str]) -> None:
    for finding in run_checks(CHECKS, Facts(_stage(**outputs), None)):
        assert finding.level in {"ok", "warning"}
        assert "itself failed" not in finding.text, finding

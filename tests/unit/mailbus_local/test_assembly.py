from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mailbus_local.assembly import FUNCTION_ID, adapt, adapt_template
from mailbus_local.stand_in_function import NEVER_MADE, STAND_INS, apply

if TYPE_CHECKING:
    from pathlib import Path

import boto3

RULE = {
    "Type": "AWS::SES::ReceiptRule",
    "DependsOn": ["BucketPolicy"],
    "Properties": {
        "RuleSetName": {"Ref": "RuleSet"},
        "Rule": {"Name": "mail", "Enabled": True, "Actions": [{"S3Action": {"BucketName": "b"}}]},
    },
}
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {}}


def test_only_what_cloudformation_lacks_is_replaced() -> None:
    adapted = adapt_template({"Resources": {"Rule": RULE, "Queue": QUEUE}, "Outputs": {"A": {"Value": 1}}})

    rule = adapted["Resources"]["Rule"]
    assert rule["Type"] == "AWS::CloudFormation::CustomResource"
    assert rule["DependsOn"] == ["BucketPolicy"]
    assert rule["Properties"] == {
        "ServiceToken": {"Fn::GetAtt": [FUNCTION_ID, "Arn"]},
        "StandsInFor": "AWS::SES::ReceiptRule",
        **RULE["Properties"],
    }
    assert adapted["Resources"]["Queue"] == QUEUE
    assert adapted["Outputs"] == {"A": {"Value": 1}}


def test_a_template_that_needs_nothing_stays_as_it_is() -> None:
    template = {"Resources": {"Queue": QUEUE}}

    assert adapt_template(template) == template


def test_the_synthesized_assembly_itself_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    path = tmp_path / "source/a.template.json"
    path.write_text(json.dumps({"Resources": {"Rule": RULE}}))
    (tmp_path / "target").mkdir()
    (tmp_path / "target/stale.json").touch()

    adapt(tmp_path / "source", tmp_path / "target")

    assert json.loads(path.read_text()) == {"Resources": {"Rule": RULE}}
    assert FUNCTION_ID in json.loads((tmp_path / "target/a.template.json").read_text())["Resources"]
    assert not (tmp_path / "target/stale.json").exists()


class FakeClient:
    """Knows the service's model as boto3 does, and remembers the calls."""

    def __init__(self, service: str, calls: list[tuple[str, dict[str, Any]]]) -> None:
        real = boto3.client(service, region_name="us-east-1")
        self.meta = real.meta
        self._calls = calls
        real.close()

    def __getattr__(self, name: str) -> Any:
        def call(**parameters: Any) -> dict[str, Any]:
            self._calls.append((name, parameters))
            return {"DkimAttributes": {"Tokens": ["tok1"]}} if name == "create_email_identity" else {}

        return call


def _request(kind: str, stands_in_for: str, **properties: Any) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "PhysicalResourceId": "before",
        "StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/mailbus-local-state/1f",
        "LogicalResourceId": "StateArchive",
        "ResourceProperties": {"ServiceToken": "arn", "StandsInFor": stands_in_for, **properties},
        "OldResourceProperties": {"ServiceToken": "arn", "StandsInFor": stands_in_for, **properties},
    }


def test_a_stand_in_gives_the_api_its_types_back() -> None:
    calls: list[tuple[str, dict[str, Any]]] = []
    rule = {"Name": "mail", "Enabled": "true", "ScanEnabled": "false", "Recipients": ["a.example"]}

    name, _ = apply(
        _request("Create", "AWS::SES::ReceiptRule", RuleSetName="set", Rule=rule),
        lambda service: FakeClient(service, calls),
    )

    assert name == "mail"
    typed = {"Name": "mail", "Enabled": True, "ScanEnabled": False, "Recipients": ["a.example"]}
    assert calls == [("create_receipt_rule", {"RuleSetName": "set", "Rule": typed})]


def test_a_stand_in_replaces_on_update_and_renames_what_the_api_calls_otherwise() -> None:
    calls: list[tuple[str, dict[str, Any]]] = []
    properties = {
        "ArchiveName": "a",
        "SourceArn": "arn:b",
        "RetentionDays": "30",
        "EventPattern": {"source": ["x"]},
    }

    apply(
        _request("Update", "AWS::Events::Archive", **properties),
        lambda service: FakeClient(service, calls),
    )

    assert calls == [
        ("delete_archive", {"ArchiveName": "a"}),
        (
            "create_archive",
            {
                "ArchiveName": "a",
                "EventSourceArn": "arn:b",
                "RetentionDays": 30,
                "EventPattern": '{"source": ["x"]}',
            },
        ),
    ]


def test_what_could_not_be_made_is_not_deleted_when_the_stack_rolls_back() -> None:
    calls: list[tuple[str, dict[str, Any]]] = []
    request = _request("Delete", "AWS::SES::EmailIdentity", EmailIdentity="a.example")

    apply(request | {"PhysicalResourceId": NEVER_MADE}, lambda service: FakeClient(service, calls))

    assert calls == []


def test_an_identity_names_its_dkim_records() -> None:
    _, attributes = apply(
        _request("Create", "AWS::SES::EmailIdentity", EmailIdentity="a.example", DkimAttributes={}),
        lambda service: FakeClient(service, []),
    )

    assert attributes == {
        "DkimDNSTokenName1": "tok1._domainkey.a.example",
        "DkimDNSTokenValue1": "tok1.dkim.amazonses.com",
    }


def test_a_resource_without_a_name_gets_the_same_one_each_time() -> None:
    calls: list[tuple[str, dict[str, Any]]] = []
    properties = {"SourceArn": "arn:b"}

    for kind in ("Create", "Delete"):
        apply(
            _request(kind, "AWS::Events::Archive", **properties), lambda service: FakeClient(service, calls)
        )

    assert {parameters["ArchiveName"] for _, parameters in calls} == {"mailbus-local-state-StateArchive"}


@pytest.mark.parametrize("kind", sorted(STAND_INS))
def test_every_stand_in_names_operations_that_exist(kind: str) -> None:
    stand_in = STAND_INS[kind]
    client = boto3.client(stand_in.service, region_name="us-east-1")
    try:
        model = client.meta.service_model
        members = model.operation_model(stand_in.create).input_shape.members
        assert {path[0] for path in stand_in.keys.values()} <= set(members)
        assert set(stand_in.keys) <= set(model.operation_model(stand_in.delete).input_shape.members)
        assert set(stand_in.gives.values()) <= set(
            model.operation_model(stand_in.create).output_shape.members
        )
    finally:
        client.close()

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mailbus_local.assembly import FUNCTION_ID, adapt, adapt_template, regions

if TYPE_CHECKING:
    from pathlib import Path

RULE: dict[str, Any] = {
    "Type": "AWS::SES::ReceiptRule",
    "DependsOn": ["BucketPolicy"],
    "Properties": {
        "RuleSetName": {"Ref": "RuleSet"},
        "Rule": {"Name": "mail", "Enabled": True, "Actions": [{"S3Action": {"BucketName": "b"}}]},
    },
}


QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {}}


def test_only_unsupported_resource_types_are_replaced() -> None:
    adapted = adapt_template({"Resources": {"Rule": RULE, "Queue": QUEUE}, "Outputs": {"A": {"Value": 1}}})

    rule = adapted["Resources"]["Rule"]
    assert rule["Type"] == "AWS::CloudFormation::CustomResource"
    assert rule["DependsOn"] == ["BucketPolicy"]
    assert rule["Properties"] == {
        "ServiceToken": {"Fn::GetAtt": [FUNCTION_ID, "Arn"]},
        "ResourceType": "AWS::SES::ReceiptRule",
        **RULE["Properties"],
    }
    assert adapted["Resources"]["Queue"] == QUEUE
    assert adapted["Outputs"] == {"A": {"Value": 1}}


def test_a_template_without_unsupported_types_is_unchanged() -> None:
    template = {"Resources": {"Queue": QUEUE}}

    assert adapt_template(template) == template


def test_the_synthesized_assembly_is_not_modified(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    path = tmp_path / "source/a.template.json"
    path.write_text(json.dumps({"Resources": {"Rule": RULE}}))
    (tmp_path / "target").mkdir()
    (tmp_path / "target/stale.json").touch()

    adapt(tmp_path / "source", tmp_path / "target")

    assert json.loads(path.read_text()) == {"Resources": {"Rule": RULE}}
    assert FUNCTION_ID in json.loads((tmp_path / "target/a.template.json").read_text())["Resources"]
    assert not (tmp_path / "target/stale.json").exists()


def test_alarms_on_an_expression_are_omitted_and_all_others_kept() -> None:
    simple = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "Errors"}}
    expression = {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {"Metrics": [{"Expression": "IF(a, b, 0)"}]},
    }

    adapted = adapt_template({"Resources": {"Simple": simple, "Expression": expression}})

    assert adapted == {"Resources": {"Simple": simple}}


def test_the_templates_of_a_cdk_stage_are_adapted_too(tmp_path: Path) -> None:
    nested = tmp_path / "source/assembly-Prod"
    nested.mkdir(parents=True)
    (nested / "ProdShop.template.json").write_text(json.dumps({"Resources": {"Rule": RULE}}))

    adapt(tmp_path / "source", tmp_path / "target")

    adapted = json.loads((tmp_path / "target/assembly-Prod/ProdShop.template.json").read_text())
    assert FUNCTION_ID in adapted["Resources"]


def test_the_region_of_each_stack_is_that_of_the_manifest(tmp_path: Path) -> None:
    stack = "aws:cloudformation:stack"
    manifest = {
        "artifacts": {
            "Shop.assets": {"type": "cdk:asset-manifest", "environment": "aws://unknown-account/eu-west-1"},
            "Shop": {"type": stack, "environment": "aws://unknown-account/eu-west-1"},
            "Anywhere": {"type": stack, "environment": "aws://unknown-account/unknown-region"},
            "Tree": {"type": "cdk:tree"},
        }
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))

    assert regions(tmp_path) == {"Shop": "eu-west-1"}

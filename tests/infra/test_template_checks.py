"""cfn-lint, its rules for IAM policies, and cdk-nag on every main variant of the settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aws_cdk import Stack
from aws_cdk import aws_sqs as sqs
from cdk_nag import AwsSolutionsChecks

from mailbus_cdk.mailbus import deployment
from mailbus_cdk.settings import Settings
from tests.infra.linters import lint, nag
from tests.infra.templates import Templates, new_app
from tests.infra.variants import REGIONS, VARIANTS, variant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aws_cdk import App


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("name", VARIANTS)
def test_the_linters_find_nothing(tmp_path: Path, name: str, region: str) -> None:
    app, settings = new_app(tmp_path), variant(name, region)
    deployment(app, settings=settings)
    assert nag(app) == [], "without a reason that suppresses it"
    stage = Templates(app, settings)
    assert [found for path in stage.files.values() for found in lint(path, region)] == []


def _set(section: msgspec.Struct, default: Any) -> set[str]:
    """Return the keys that have another value than by default, with those of tables."""
    found = set()
    for key in section.__struct_fields__:
        value, usual = getattr(section, key), getattr(default, key)
        if isinstance(value, msgspec.Struct):
            found |= {f"{key}.{inner}" for inner in _set(value, usual)}
        elif value != usual:
            found.add(key)
    return found


def test_the_variants_set_every_key() -> None:
    usual = Settings(stage="usual", region="eu-north-1", identity="example.net")
    keys = {
        f"{key}.{inner}" if isinstance(getattr(usual, key), msgspec.Struct) else key
        for key in usual.__struct_fields__
        for inner in getattr(getattr(usual, key), "__struct_fields__", [""])
    }
    assert set().union(*(_set(variant(name, "us-east-1"), usual) for name in VARIANTS)) == keys


STATEMENTS: dict[str, dict[str, Any]] = {
    "a resource of another service": {"Action": "sqs:SendMessage", "Resource": "arn:aws:s3:::example/*"},
    "an action that does not exist": {"Action": "sqs:SendMessages", "Resource": "*"},
    "no action": {"Resource": "*"},
}


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_cfn_lint_would_find_a_wrong_policy(
    prod: Templates, tmp_path: Path, statement: dict[str, Any]
) -> None:
    sender = prod.one("AWS::IAM::Policy", "Sending/Sender")
    template = json.loads(prod.files["mail"].read_text())
    policy = template["Resources"][sender.logical_id]["Properties"]["PolicyDocument"]
    policy["Statement"].append({"Effect": "Allow", **statement})
    changed = tmp_path / "mail.template.json"
    changed.write_text(json.dumps(template))
    assert len(lint(changed)) == 1


def test_cdk_nag_would_find_a_queue_without_its_policies(
    app_in: Callable[[Path], App], tmp_path: Path
) -> None:
    app = app_in(tmp_path)
    sqs.Queue(Stack(app, "Bare"), "Queue")
    report = AwsSolutionsChecks().validate_scope(app)
    assert {violation.rule_name for violation in report.violations} == {
        "AwsSolutions-SQS3",
        "AwsSolutions-SQS4",
    }

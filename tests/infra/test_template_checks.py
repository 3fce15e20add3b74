"""cfn-lint and cdk-nag on the templates of a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aws_cdk import Stack
from aws_cdk import aws_sqs as sqs
from cdk_nag import AwsSolutionsChecks

from mailbus_cdk.mailbus import deployment
from tests.infra.linters import lint, nag

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aws_cdk import App

    from mailbus_cdk.settings import Settings
    from tests.infra.templates import Templates


@pytest.mark.parametrize("stack", ["state", "mail", "receiving"])
def test_cfn_lint_finds_nothing(prod: Templates, stack: str) -> None:
    assert lint(prod.files[stack]) == []


def test_cdk_nag_finds_nothing_that_is_not_suppressed_with_its_reason(
    app_in: Callable[[Path], App], tmp_path: Path, settings: Settings
) -> None:
    app = app_in(tmp_path)
    deployment(app, settings=settings)
    assert nag(app) == []


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

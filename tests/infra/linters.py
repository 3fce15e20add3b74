"""cfn-lint and cdk-nag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdk_nag import AwsSolutionsChecks
from cfnlint.api import ManualArgs, lint_file  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from pathlib import Path

    from constructs import IConstruct

# The CDK itself writes DependsOn beside a reference that implies it.
IGNORED = ["W3005"]


def lint(template: Path, region: str = "us-east-1") -> list[str]:
    """Return the findings of cfn-lint."""
    config = ManualArgs(regions=[region], ignore_checks=IGNORED)
    return [str(match) for match in lint_file(template, config=config)]


def nag(app: IConstruct) -> list[tuple[str, str | None]]:
    """Return the findings of cdk-nag, rule and construct. Synthesizing adds names of exports to findings."""
    report = AwsSolutionsChecks().validate_scope(app)
    return [
        (violation.rule_name, resource.construct_path)
        for violation in report.violations
        for resource in violation.violating_resources
    ]

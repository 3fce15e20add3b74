"""cfn-lint, with its rules for IAM policies, and cdk-nag."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from cdk_nag import AwsSolutionsChecks
from cfnlint.config import ConfigMixIn  # type: ignore[import-untyped]
from cfnlint.runner import Runner, run_template_by_file_path  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from pathlib import Path

    from constructs import IConstruct

# The CDK itself writes DependsOn beside a reference that implies it.
IGNORED: Final = ["W3005"]
# Each action of a policy has a resource that IAM knows for it; off by default. On are: that actions exist
# (W3037), and the grammar of policies of roles (E3510), of resources (E3512, E3514) and of trust (E3530).
INCLUDED: Final = ["I3510"]


def lint(template: Path, region: str = "us-east-1") -> list[str]:
    """Return the findings of cfn-lint."""
    matches = run_template_by_file_path(str(template), _config(region), _rules(), ignore_bad_template=False)
    return [str(match) for match in matches]


def _config(region: str) -> Any:
    return ConfigMixIn(regions=[region], ignore_checks=IGNORED, include_checks=INCLUDED)


@functools.cache
def _rules() -> Any:
    """Return the rules, which take longer to load than a template takes to check."""
    return Runner(_config("us-east-1")).rules


def nag(app: IConstruct) -> list[tuple[str, str | None]]:
    """Return the findings of cdk-nag, rule and construct. Synthesizing adds names of exports to findings."""
    report = AwsSolutionsChecks().validate_scope(app)
    return [
        (violation.rule_name, resource.construct_path)
        for violation in report.violations
        for resource in violation.violating_resources
    ]

from __future__ import annotations

import pytest

from mailbus_cli.doctor.checks.configuration_set import judge


def test_a_set_that_exists_is_fine() -> None:
    assert judge("mailbus-prod", {"ConfigurationSetName": "mailbus-prod"}, own=True).level == "ok"


@pytest.mark.parametrize(("own", "level"), [(True, "problem"), (False, "warning")])
def test_one_that_is_missing_has_the_command(own: bool, level: str) -> None:  # noqa: FBT001 - a parameter
    verdict = judge("mailbus-prod", None, own=own)
    assert verdict.level == level
    assert verdict.record == "aws sesv2 create-configuration-set --configuration-set-name mailbus-prod"


def test_one_that_goes_past_the_suppression_list_is_a_warning() -> None:
    assert judge("news", {"SuppressionOptions": {"SuppressedReasons": []}}, own=True).level == "warning"
    assert judge("news", {"SuppressionOptions": {"SuppressedReasons": ["BOUNCE"]}}, own=True).level == "ok"

"""What synthesizing warns of, as the CDK shows it; and the rules that the table of quotas counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from aws_cdk import Stack
from aws_cdk.assertions import Annotations, Match

from mailbus_cdk.quotas import BY_NAME
from mailbus_cdk.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.infra.templates import Templates

# The table counts one rule of yours.
OF_AN_APPLICATION = 1


def _warnings(stage: Templates) -> list[str]:
    """The texts of the warnings of the mail stack that name the setting."""
    mail = Stack.of(stage.app.node.find_child("mailbus-prod-mail"))
    found = Annotations.from_stack(mail).find_warning("*", Match.string_like_regexp("expected_rate"))
    return [str(message.entry.data) for message in found]


def test_a_rate_that_does_not_fit_the_region_is_a_warning_of_the_mail_stack(
    synthesize: Callable[[Settings], Templates],
) -> None:
    rate = Settings(stage="prod", region="eu-north-1", identity="example.com", expected_rate=100)
    [text] = _warnings(synthesize(rate))
    assert text.startswith("expected_rate: 100 mails a second need 400 of SNS: messages published a second")
    assert text.endswith("[ack: mailbus:sns-publish]")


def test_the_usual_rate_is_none(prod: Templates) -> None:
    assert _warnings(prod) == []


@pytest.mark.parametrize("days", [0, 30])
def test_the_bus_has_the_rules_that_are_counted(
    synthesize: Callable[[Settings], Templates], settings: Settings, days: int
) -> None:
    timeline = msgspec.structs.replace(settings.timeline, days=days)
    stage = synthesize(msgspec.structs.replace(settings, timeline=timeline))
    kinds = [resource.type for resource in stage.resources]
    # EventBridge makes a rule for an archive
    archives, rules = kinds.count("AWS::Events::Archive"), kinds.count("AWS::Events::Rule")
    assert (archives, rules) == (1, days > 0)
    quota = BY_NAME["events-invocations"]
    of_a_rule = quota.per_mail_in_timeline
    assert (archives + rules + OF_AN_APPLICATION) * of_a_rule == quota.used_by_a_mail(timeline=days > 0)

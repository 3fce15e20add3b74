"""The activation of the receipt rule set."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.infra.templates import (
        Templates,
    )


def test_the_rule_set_is_activated_after_its_rule_and_displaces_no_other(prod: Templates) -> None:
    activation = prod.one("Custom::ActiveReceiptRuleSet")
    assert prod.one("AWS::SES::ReceiptRule").logical_id in activation.depends_on
    assert activation.properties["Displace"] == "false"
    assert activation.properties["ServiceTimeout"] == "300"
    assert prod.text("receiving", activation.properties["RuleSetName"]) == "<Receiving/RuleSet>"


def test_the_active_rule_set_is_read_before_ours_is_activated(prod: Templates) -> None:
    reads, activates = (
        prod.one("Custom::ActiveReceiptRuleSetBefore"),
        prod.one("Custom::ActiveReceiptRuleSet"),
    )
    assert reads.properties["ReadOnly"] == "true"
    assert "ReadOnly" not in activates.properties
    assert activates.properties["State"] == {"Ref": reads.logical_id}
    same = ("ServiceToken", "ServiceTimeout", "RuleSetName", "Displace")
    assert {key: reads.properties[key] for key in same} == {key: activates.properties[key] for key in same}
    for resource in (reads, activates):
        assert prod.one("AWS::IAM::Policy", "Activator").logical_id in resource.depends_on


def test_lambda_does_not_retry_an_activation(prod: Templates) -> None:
    once = prod.one("AWS::Lambda::EventInvokeConfig")
    assert once.properties["MaximumRetryAttempts"] == 0
    assert (
        prod.text("receiving", once.properties["FunctionName"]) == "<Receiving/Activation/Activator/Function>"
    )

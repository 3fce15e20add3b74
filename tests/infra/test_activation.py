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


def test_which_rule_set_is_active_is_noted_before_ours_is_activated(prod: Templates) -> None:
    looks, activates = (
        prod.one("Custom::ActiveReceiptRuleSetBefore"),
        prod.one("Custom::ActiveReceiptRuleSet"),
    )
    assert looks.properties["ReadOnly"] == "true"
    assert "ReadOnly" not in activates.properties
    assert activates.properties["State"] == {"Ref": looks.logical_id}
    told = ("ServiceToken", "ServiceTimeout", "RuleSetName", "Displace")
    assert {key: looks.properties[key] for key in told} == {key: activates.properties[key] for key in told}
    for resource in (looks, activates):
        assert prod.one("AWS::IAM::Policy", "Activator").logical_id in resource.depends_on


def test_lambda_does_not_run_an_activation_again_that_cloudformation_has_given_up(prod: Templates) -> None:
    once = prod.one("AWS::Lambda::EventInvokeConfig")
    assert once.properties["MaximumRetryAttempts"] == 0
    assert (
        prod.text("receiving", once.properties["FunctionName"]) == "<Receiving/Activation/Activator/Function>"
    )

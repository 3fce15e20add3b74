"""The custom resources that activate the receipt rule set: request, decide, apply, respond.

CloudFormation cannot activate a rule set (https://github.com/aws/aws-cdk/issues/10321).

A read-only resource finds out which set is active, and CloudFormation has stored that before the other
resource activates ours. So it is known what to activate again later, even if Lambda passes the same request
on twice or a response is lost.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import msgspec
from aws_lambda_powertools import Logger

from activation.aws.rule_sets import ActiveRuleSet
from activation.decision import PLACEHOLDER_ID, Decision, decide
from activation.properties import parse_desired
from mailbus.aws import sessions
from mailbus.aws.custom_resource import Outcome, Request, client_config, handle, has_time
from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_ses.client import SESClient


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """The function's clients."""

    rule_set: ActiveRuleSet
    log: Logger


@functools.cache
def client() -> SESClient:
    """Make the client, once per process."""
    return sessions.open_session().client("ses", config=client_config())


def wire(context: LambdaContext) -> Wiring:
    """Return the function's clients, which make no call that would take the time to answer."""
    ses = sessions.with_deadline(client(), lambda: has_time(context))
    return Wiring(rule_set=ActiveRuleSet(ses), log=Logger())


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Handle a request of CloudFormation's."""
    wiring = wire(context)
    handle(event, lambda request: apply(request, wiring), placeholder_id=PLACEHOLDER_ID, log=wiring.log)


def apply(request: Request, wiring: Wiring) -> Outcome:
    """Carry out a request; raise if that fails."""
    desired = parse_desired(request)
    # A creation that failed may have activated ours: SES may have done it though its response was lost.
    if desired.request_type == "Delete" and (desired.read_only or desired.before is None):
        return Outcome(physical_id=request.physical_resource_id or PLACEHOLDER_ID)
    active = wiring.rule_set.name()
    decision = decide(desired, active)
    wiring.log.info("decided", active=active, activate=decision.activate, deactivate=decision.deactivate)
    _change(decision, wiring.rule_set)
    return Outcome(physical_id=decision.after.physical_id())


def _change(decision: Decision, rule_set: ActiveRuleSet) -> None:
    if decision.deactivate:
        rule_set.deactivate()
    if decision.activate is None or rule_set.activate(decision.activate):
        return
    if decision.activate == decision.after.rule_set:
        reason = (
            f"there is no receipt rule set {decision.activate!r} to activate; deploy its stack again, or "
            "create it, if inbound.rule_set_name names it (aws ses create-receipt-rule-set)"
        )
        raise ConfigurationError(reason)
    # The displaced set was deleted meanwhile; ours cannot be deleted while it is active.
    rule_set.deactivate()

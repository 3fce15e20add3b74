"""The custom resources of the active receipt rule set: call, decide, act, answer.

One looks which is active, and CloudFormation has noted that before the other activates ours: Lambda may hand
the same call over twice, and an answer may get lost, but not what has to be activated again later.

CloudFormation cannot activate a rule set (https://github.com/aws/aws-cdk/issues/10321), and waits
an hour for an answer that does not come: whatever happens here, it is answered.
"""

from __future__ import annotations

import functools
from typing import Any

import msgspec
from aws_lambda_powertools import Logger

from activation.aws.rule_sets import ActiveRuleSet
from activation.decision import NOTHING, Decision, decide
from activation.properties import parse_request
from mailbus.aws import sessions
from mailbus.aws.custom_resource import Answer, Call, answer, deliver, parse_call, served
from mailbus.errors import ConfigurationError

# SES takes one such call a second, what CloudFormation makes of the rules beside this included:
# https://docs.aws.amazon.com/ses/latest/dg/quotas.html
MAX_ATTEMPTS = 5


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """What the function works with."""

    rule_set: ActiveRuleSet
    log: Logger


@functools.cache
def wire() -> Wiring:
    """Make the client, once per process."""
    config = sessions.config(max_attempts=MAX_ATTEMPTS, read_timeout=sessions.SHORT_READ_TIMEOUT)
    client = sessions.open_session().client("ses", config=config)
    return Wiring(rule_set=ActiveRuleSet(client), log=Logger())


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """Serve a call of CloudFormation's."""
    call = parse_call(event)
    deliver(call.response_url, serve(event, call, wire()))


def serve(event: dict[str, Any], call: Call, wiring: Wiring) -> Answer:
    """Do what is asked and say how it went; never raises."""
    return served(lambda: answer(call, _act(event, call, wiring)), call, nothing=NOTHING, log=wiring.log)


def _act(event: dict[str, Any], call: Call, wiring: Wiring) -> str:
    request = parse_request(event, call)
    # A creation that failed may have activated ours before: SES did it, and only its answer was lost.
    if request.activity == "Delete" and (request.looks or request.before is None):
        return call.physical_resource_id or NOTHING
    active = wiring.rule_set.name()
    decision = decide(request, active)
    wiring.log.info("decided", active=active, activate=decision.activate, deactivate=decision.deactivate)
    _apply(decision, wiring.rule_set)
    return decision.after.physical_id()


def _apply(decision: Decision, rule_set: ActiveRuleSet) -> None:
    if decision.deactivate:
        rule_set.end()
    if decision.activate is None or rule_set.become(decision.activate):
        return
    if decision.activate == decision.after.rule_set:
        reason = f"there is no receipt rule set {decision.activate!r} to activate; deploy its stack again"
        raise ConfigurationError(reason)
    # The displaced one is gone since; ours cannot be deleted while it is active.
    rule_set.end()

"""The custom resources of where an identity's notifications go: call, decide, act, answer.

Of each identity one looks, and CloudFormation has noted what it found before the other sets anything: Lambda
may hand the same call over twice, and an answer may get lost, but not what has to be set again later.

CloudFormation has no property for them
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ses-emailidentity.html),
and waits an hour for an answer that does not come: whatever happens here, it is answered.
"""

from __future__ import annotations

import functools
from typing import Any

import msgspec
from aws_lambda_powertools import Logger

from identity_feedback.aws.identity_topics import IdentityTopics
from identity_feedback.decision import NOTHING, decide
from identity_feedback.properties import parse_request
from mailbus.aws import sessions
from mailbus.aws.custom_resource import Answer, Call, answer, deliver, parse_call, reason, served

# SES takes one such call a second, and up to eight are made here:
# https://docs.aws.amazon.com/ses/latest/APIReference/API_SetIdentityNotificationTopic.html
MAX_ATTEMPTS = 8


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """What the function works with."""

    topics: IdentityTopics
    log: Logger


@functools.cache
def wire() -> Wiring:
    """Make the client, once per process."""
    config = sessions.config(max_attempts=MAX_ATTEMPTS, read_timeout=sessions.SHORT_READ_TIMEOUT)
    client = sessions.open_session().client("ses", config=config)
    return Wiring(topics=IdentityTopics(client), log=Logger())


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """Serve a call of CloudFormation's."""
    call = parse_call(event)
    deliver(call.response_url, serve(event, call, wire()))


def serve(event: dict[str, Any], call: Call, wiring: Wiring) -> Answer:
    """Do what is asked and say how it went; never raises."""
    return served(lambda: _act(event, call, wiring), call, nothing=NOTHING, log=wiring.log)


def _act(event: dict[str, Any], call: Call, wiring: Wiring) -> Answer:
    if call.request_type == "Delete" and call.physical_resource_id == NOTHING:
        return answer(call, NOTHING)
    request = parse_request(event, call)
    if request.looks and request.activity == "Delete":
        return answer(call, call.physical_resource_id or NOTHING)
    decision = decide(request, wiring.topics.found(request.identity))
    wiring.log.info("decided", identity=request.identity, changes=len(decision.changes))
    change = wiring.topics.restore if request.activity == "Delete" else wiring.topics.apply
    physical_id = decision.after.physical_id()
    try:
        if decision.forward:
            wiring.topics.forward(request.identity)
        for setting in decision.changes:
            change(request.identity, setting)
    except Exception as error:
        wiring.log.exception("done in part", request_type=call.request_type)
        # By this id a creation that failed is rolled back, and gives back what it had displaced already.
        return answer(call, call.physical_resource_id or physical_id, reason(error))
    return answer(call, physical_id)

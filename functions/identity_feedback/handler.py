"""The custom resources that set the topics of an identity's feedback: request, decide, apply, respond.

CloudFormation has no property for them:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ses-emailidentity.html

For each identity a read-only resource finds out what is set, and CloudFormation has stored that before the
other resource sets anything. So it is known what to set again later, even if Lambda passes the same request
on twice or a response is lost.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import msgspec
from aws_lambda_powertools import Logger

from identity_feedback.aws.identity_topics import IdentityTopics
from identity_feedback.decision import PLACEHOLDER_ID, decide
from identity_feedback.properties import parse_desired
from mailbus.aws import sessions
from mailbus.aws.custom_resource import Outcome, Request, client_config, handle, has_time

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_ses.client import SESClient


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """The function's clients."""

    topics: IdentityTopics
    log: Logger


@functools.cache
def client() -> SESClient:
    """Make the client, once per process."""
    return sessions.open_session().client("ses", config=client_config())


def wire(context: LambdaContext) -> Wiring:
    """Return the function's clients, which make no call that would take the time to answer."""
    ses = sessions.with_deadline(client(), lambda: has_time(context))
    return Wiring(topics=IdentityTopics(ses), log=Logger())


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Handle a request of CloudFormation's."""
    wiring = wire(context)
    handle(event, lambda request: apply(request, wiring), placeholder_id=PLACEHOLDER_ID, log=wiring.log)


def apply(request: Request, wiring: Wiring) -> Outcome:
    """Carry out a request; raise if that fails before anything is changed."""
    if request.request_type == "Delete" and request.physical_resource_id == PLACEHOLDER_ID:
        return Outcome(physical_id=PLACEHOLDER_ID)
    desired = parse_desired(request)
    if desired.request_type == "Delete" and desired.read_only:
        return Outcome(physical_id=request.physical_resource_id or PLACEHOLDER_ID)
    decision = decide(desired, wiring.topics.find(desired.identity))
    wiring.log.info("decided", identity=desired.identity, changes=len(decision.changes))
    change = wiring.topics.restore if desired.request_type == "Delete" else wiring.topics.apply
    physical_id = decision.after.physical_id()
    try:
        if decision.forward:
            wiring.topics.forward(desired.identity)
        for setting in decision.changes:
            change(desired.identity, setting)
    except Exception as error:  # noqa: BLE001 - some settings may be changed already
        # With this id CloudFormation rolls the creation back, and what was displaced so far is set again.
        return Outcome(physical_id=request.physical_resource_id or physical_id, failure=error)
    return Outcome(physical_id=physical_id)

"""All of Mailbus: as stacks of its own, or as one construct in another CDK app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Environment, Stack, Token
from constructs import Construct

from mailbus.errors import ConfigurationError
from mailbus_cdk.constructs.function import Code
from mailbus_cdk.constructs.queues import STAGE_TAG
from mailbus_cdk.constructs.receipt_rules import Receiving
from mailbus_cdk.constructs.state import State
from mailbus_cdk.constructs.webhook import Webhook
from mailbus_cdk.mail import Mail
from mailbus_cdk.outputs import Outputs

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam

    from mailbus_cdk.constructs.inbound import Inbound
    from mailbus_cdk.settings import Settings


class Mailbus(Construct):
    """All of Mailbus in one stack, whose region must be that of the settings."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        region = Stack.of(self).region
        if not Token.is_unresolved(region) and region != settings.region:
            reason = (
                f"region: is {settings.region} in the settings, but the stack is in {region}; make them equal"
            )
            raise ConfigurationError(reason)
        code = Code(settings.architecture)
        self.state = State(self, "State", settings=settings)
        self.mail = Mail(self, "Mail", settings=settings, code=code, state=self.state)
        self.receiving = (
            Receiving(
                self,
                "Receiving",
                settings=settings,
                code=code,
                state=self.state,
                inbound=self.mail.inbound,
            )
            if self.mail.inbound
            else None
        )
        if self.receiving:
            # Its sender of bounces may be of the identity.
            self.receiving.node.add_dependency(self.mail.identity)
        self.webhook = (
            Webhook(
                self,
                "Webhook",
                settings=settings,
                code=code,
                tracking=self.mail.tracking.work.queue,
                inbound=self.mail.inbound.work.queue if self.mail.inbound else None,
            )
            if settings.webhook.topic_arns
            else None
        )

        outputs = Outputs(self, stage=settings.stage)
        outputs.state(self.state)
        outputs.mail(self.mail)
        if self.receiving:
            outputs.receiving(self.receiving)
        if self.webhook:
            outputs.webhook(self.webhook)

    def grant_send(self, grantee: iam.IGrantable) -> None:
        """Allow an application to enqueue jobs in both lanes, store large ones, and cancel jobs."""
        self.mail.sending.grant_send(grantee)


def deployment(app: Construct, *, settings: Settings) -> list[Stack]:
    """Create the stacks of a stage: stored data in one, what processes mail in another.

    Receipt rules have a stack of their own, since one rule set is active per account and region.
    """
    code = Code(settings.architecture)
    state = _state(app, settings)
    mail = _mail(app, settings, code, state)
    parts: list[Construct] = [state, mail]
    if mail.inbound:
        parts.append(_receiving(app, settings, code, state, mail.inbound))
    if settings.webhook.topic_arns:
        parts.append(_webhook(app, settings, code, mail))
    return [Stack.of(part) for part in parts]


def _state(app: Construct, settings: Settings) -> State:
    stack = _stack(app, "state", settings, "stored data")
    state = State(stack, "State", settings=settings)
    Outputs(stack, stage=settings.stage).state(state)
    return state


def _mail(app: Construct, settings: Settings, code: Code, state: State) -> Mail:
    stack = _stack(app, "mail", settings, "queues, topics and functions")
    mail = Mail(stack, "Mail", settings=settings, code=code, state=state)
    Outputs(stack, stage=settings.stage).mail(mail)
    return mail


def _receiving(app: Construct, settings: Settings, code: Code, state: State, inbound: Inbound) -> Receiving:
    stack = _stack(app, "receiving", settings, "receipt rules")
    receiving = Receiving(stack, "Receiving", settings=settings, code=code, state=state, inbound=inbound)
    Outputs(stack, stage=settings.stage).receiving(receiving)
    return receiving


def _webhook(app: Construct, settings: Settings, code: Code, mail: Mail) -> Webhook:
    stack = _stack(app, "webhook", settings, "SNS over HTTPS")
    webhook = Webhook(
        stack,
        "Webhook",
        settings=settings,
        code=code,
        tracking=mail.tracking.work.queue,
        inbound=mail.inbound.work.queue if mail.inbound else None,
    )
    Outputs(stack, stage=settings.stage).webhook(webhook)
    return webhook


def _stack(app: Construct, part: str, settings: Settings, description: str) -> Stack:
    return Stack(
        app,
        f"{settings.name}-{part}",
        description=f"Mailbus ({settings.stage}): {description}",
        # No account: it is that of the deployer's credentials, so that synthesizing needs none.
        env=Environment(region=settings.region),
        termination_protection=part == "state" and not settings.ephemeral,
        tags={STAGE_TAG: settings.stage},
    )

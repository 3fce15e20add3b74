"""The flows of mail: jobs to SES, SES's events and received mail to the bus, and the bus to the timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Annotations
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct, DependencyGroup

from mailbus_cdk import expected_rate
from mailbus_cdk.constructs.alarms import Alarms
from mailbus_cdk.constructs.dashboard import Dashboard
from mailbus_cdk.constructs.guard import Guard
from mailbus_cdk.constructs.identity import Identity
from mailbus_cdk.constructs.identity_feedback import IdentityFeedback
from mailbus_cdk.constructs.inbound import Inbound
from mailbus_cdk.constructs.metrics import Flow
from mailbus_cdk.constructs.sending import Sending
from mailbus_cdk.constructs.timeline import Timeline
from mailbus_cdk.constructs.topics import TopicKey
from mailbus_cdk.constructs.tracking import Tracking

if TYPE_CHECKING:
    from constructs import IDependable

    from mailbus_cdk.constructs.function import Code
    from mailbus_cdk.constructs.state import State
    from mailbus_cdk.settings import Settings


class Mail(Construct):
    """Sending, tracking, the guard and, if set, receiving and the timeline; with alarms and dashboard.

    What `expected_rate` does not fit into is a warning, `mailbus:<quota>`. `in_ses` is what is made in SES.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, code: Code, state: State
    ) -> None:
        super().__init__(scope, construct_id)
        for name, text in expected_rate.warnings(settings):
            Annotations.of(self).add_warning_v2(f"mailbus:{name}", text)
        key = TopicKey(self, "TopicKey")
        self.identity = Identity(self, "Identity", settings=settings)
        self.tracking = Tracking(
            self, "Tracking", settings=settings, code=code, state=state, key=key, identity=self.identity
        )
        in_ses: list[IDependable] = [self.tracking.in_ses]
        if settings.tracking.notified_identities:
            feedback = IdentityFeedback(
                self,
                "IdentityFeedback",
                settings=settings,
                code=code,
                events=self.tracking.events,
                after=self.tracking.in_ses,
            )
            in_ses.append(feedback)
        self.in_ses = DependencyGroup(*in_ses)
        self.sending = Sending(
            self,
            "Sending",
            settings=settings,
            code=code,
            state=state,
            identity=self.identity,
            tracking=self.tracking,
        )
        self.inbound = (
            Inbound(self, "Inbound", settings=settings, code=code, state=state, key=key)
            if settings.inbound.domains
            else None
        )
        self.timeline = (
            Timeline(self, "Timeline", settings=settings, code=code, state=state, table=state.timeline.table)
            if state.timeline
            else None
        )
        self.guard = (
            Guard(self, "Guard", settings=settings, code=code, state=state, key=key)
            if settings.guards
            else None
        )
        flows = self._flows()
        Alarms(
            self,
            "Alarms",
            settings=settings,
            sender_name=self.sending.function_name,
            tracker_name=self.tracking.function_name,
            transactional=self.sending.transactional,
            flows=flows,
        )
        self.dashboard = (
            Dashboard(
                self,
                "Dashboard",
                settings=settings,
                sending=self.sending,
                flows=[*flows, *self._without_queue()],
                alarms=[part for part in self.node.find_all() if isinstance(part, cloudwatch.Alarm)],
                state=state,
            )
            if settings.alarms.dashboard
            else None
        )

    def _without_queue(self) -> list[Flow]:
        """Return the guard, which has alarms of its own."""
        guard = self.guard
        if not guard:
            return []
        return [Flow(name="Guard", function=guard.function, queues={}, dead_letters=guard.dead_letters)]

    def _flows(self) -> list[Flow]:
        """Return the functions with their queues."""
        sending = self.sending
        lanes = {"Transactional": sending.transactional, "Bulk": sending.bulk}
        others = {"Tracking": self.tracking, "Inbound": self.inbound, "Timeline": self.timeline}
        return [
            Flow(name="Send", function=sending.function, queues=lanes, dead_letters=sending.dead_letters),
            *(
                Flow(
                    name=name,
                    function=part.function,
                    queues={name: part.work},
                    dead_letters=part.dead_letters,
                )
                for name, part in others.items()
                if part
            ),
        ]

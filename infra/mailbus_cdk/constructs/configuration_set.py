"""The SES configuration sets that mail is sent with, and the event destinations that publish its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_ses as ses
from constructs import Construct

from mailbus.ses_events import SES_EVENT_TYPES
from mailbus_cdk.dns_records import redirect_records

if TYPE_CHECKING:
    from constructs import IDependable

    from mailbus_cdk.constructs.topics import SesTopic
    from mailbus_cdk.settings import Settings


class ConfigurationSet(Construct):
    """The configuration set that mail is sent with unless its job names another; its events go to one topic.

    One of another account or region is only referred to: nothing can be created in it from here.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, events: SesTopic) -> None:
        super().__init__(scope, construct_id)
        self.name = settings.configuration_set
        self.arn = configuration_set_arn(self, settings, self.name)
        redirects = settings.tracking.custom_redirect_domain
        self.dns_records = redirect_records(redirects, settings.region) if redirects else ()
        created = None if settings.configuration_set_exists else self._configuration_set()
        if not settings.ses_is_elsewhere:
            name = created.ref if created else self.name
            publish_events(self, "Events", name, settings=settings, events=events)

    def _configuration_set(self) -> ses.CfnConfigurationSet:
        return ses.CfnConfigurationSet(self, "Resource", name=self.name)


class OtherConfigurationSets(Construct):
    """Existing configuration sets that jobs may name instead; each gets an event destination.

    One after the other: SES takes one call a second that changes its settings, and CloudFormation would make
    those of all sets at once (https://docs.aws.amazon.com/ses/latest/dg/quotas.html).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        events: SesTopic,
        after: IDependable,
    ) -> None:
        super().__init__(scope, construct_id)
        names = settings.other_configuration_sets
        self.arns = [configuration_set_arn(self, settings, name) for name in names]
        if not settings.ses_is_elsewhere:
            before: IDependable = after
            for name in names:
                destination = publish_events(self, name, name, settings=settings, events=events)
                destination.node.add_dependency(before)
                before = destination


def configuration_set_arn(scope: Construct, settings: Settings, name: str) -> str:
    """Return the ARN of a configuration set in the SES that mail is sent through."""
    return Stack.of(scope).format_arn(
        service="ses",
        region=settings.session_params.region,
        resource="configuration-set",
        resource_name=name,
    )


def publish_events(
    scope: Construct,
    construct_id: str,
    configuration_set_name: str,
    *,
    settings: Settings,
    events: SesTopic,
) -> ses.CfnConfigurationSetEventDestination:
    """Publish all events of a configuration set's mail to a topic."""
    destination = ses.CfnConfigurationSetEventDestination(
        scope,
        construct_id,
        configuration_set_name=configuration_set_name,
        event_destination=ses.CfnConfigurationSetEventDestination.EventDestinationProperty(
            # Named after the stage, since stages may share an existing set.
            name=settings.name,
            enabled=True,
            matching_event_types=[known.template_name for known in SES_EVENT_TYPES.values()],
            sns_destination=ses.CfnConfigurationSetEventDestination.SnsDestinationProperty(
                topic_arn=events.topic.topic_arn
            ),
        ),
    )
    # SES publishes a test message when the destination is created.
    destination.node.add_dependency(*events.publishable)
    return destination

"""The outputs of a deployment: for each a stack output, and a parameter in SSM with the same value.

Programs find a stage by the parameters (`mailbus.stages`), since they know its name and no stack's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import CfnOutput
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from mailbus import __version__
from mailbus.stages import parameter_name
from mailbus_cdk.sources import find

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailbus_cdk.constructs.receipt_rules import Receiving
    from mailbus_cdk.constructs.state import State
    from mailbus_cdk.constructs.webhook import Webhook
    from mailbus_cdk.mail import Mail
    from mailbus_cdk.settings import Settings

DNS_RECORD: Final = "A DNS record to create by hand"
# A parameter of the standard tier, which costs nothing, has 4 KB:
# https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
MOST_CHARACTERS: Final = 4000


class Outputs:
    """Writes the outputs of one stage into a stack: those of a `scope` have its names."""

    def __init__(self, scope: Construct, *, stage: str) -> None:
        self._scope = scope
        self._parameters = Construct(scope, "Parameters")
        self._stage = stage

    def settings(self, settings: Settings) -> None:
        """Write what was deployed, and what the deployment expects of SES."""
        elsewhere = settings.session_params
        self._write(
            {
                "Version": __version__,
                "CodeDigest": find().digest,
                "ExpectedRate": f"{settings.expected_rate:g}",
                "Identity": settings.identity,
                **_given("OtherIdentities", settings.other_identities),
                **_given("MailFromDomain", (settings.mail_from_domain,)),
                **_given("OtherConfigurationSets", settings.other_configuration_sets),
                **_given("ReceiptRules", _enabled_rules(settings)),
                **_given("SesRegion", (elsewhere.region,)),
                **_given("SesRoleArn", (elsewhere.role_arn,)),
            }
        )

    def state(self, state: State) -> None:
        """Write the names of what is stored."""
        archive, key = state.bus.archive, state.inbound_mail.key
        self._write(
            {
                **({"EventArchiveName": archive.archive_name} if archive else {}),
                "EventBusName": state.bus.bus.event_bus_name,
                "EventsBucketName": state.esp_events.bucket.bucket_name,
                "InboundBucketName": state.inbound_mail.bucket.bucket_name,
                "JobsBucketName": state.jobs.bucket.bucket_name,
                "LedgerTableName": state.ledger.table.table_name,
                **({"InboundKeyArn": key.key_arn} if key else {}),
                **({"TimelineTableName": state.timeline.table.table_name} if state.timeline else {}),
            }
        )

    def mail(self, mail: Mail) -> None:
        """Write the queues and topics, and the DNS records of the sending domain."""
        sending, tracking, inbound = mail.sending, mail.tracking, mail.inbound
        self._write(
            {
                "ConfigurationSetName": tracking.configuration_set.name,
                "SendQueueUrl": sending.transactional.queue.queue_url,
                "SendQueueArn": sending.transactional.queue.queue_arn,
                "BulkQueueUrl": sending.bulk.queue.queue_url,
                "BulkQueueArn": sending.bulk.queue.queue_arn,
                "SendDeadLetterQueueUrl": sending.dead_letters.queue.queue_url,
                "DoubtSeconds": f"{sending.doubt_seconds:g}",
                "SenderFunctionName": sending.function_name,
                "TrackingFunctionName": tracking.function_name,
                "TrackingTopicArn": tracking.events.topic.topic_arn,
                "TrackingQueueUrl": tracking.work.queue.queue_url,
                "TrackingDeadLetterQueueUrl": tracking.dead_letters.queue.queue_url,
            }
        )
        if mail.dashboard:
            self._write({"DashboardName": mail.dashboard.name})
        for name, records in mail.identity.dns_records.items():
            self._write_records(name, records)
        self._write_records("RedirectRecord", tracking.configuration_set.dns_records)
        if inbound:
            self._write(
                {
                    "InboundFunctionName": inbound.function_name,
                    "InboundTopicArn": inbound.receipts.topic.topic_arn,
                    "InboundQueueUrl": inbound.work.queue.queue_url,
                    "InboundDeadLetterQueueUrl": inbound.dead_letters.queue.queue_url,
                }
            )

        if mail.guard:
            self._write({"GuardFunctionName": mail.guard.function_name})
        if mail.timeline:
            self._write(
                {
                    "TimelineDays": str(mail.timeline.days),
                    "TimelineFunctionName": mail.timeline.function_name,
                    "TimelineQueueUrl": mail.timeline.work.queue.queue_url,
                    "TimelineDeadLetterQueueUrl": mail.timeline.dead_letters.queue.queue_url,
                }
            )

    def receiving(self, receiving: Receiving) -> None:
        """Write the receipt rule set, and the DNS records of the receiving domains."""
        self._write({"RuleSetName": receiving.rule_set_name})
        self._write_records("InboundDkimRecord", receiving.domains.dns_records)
        self._write_records("MxRecord", receiving.domains.mx_records)

    def webhook(self, webhook: Webhook) -> None:
        """Write where the webhook is, and the secret of its credentials."""
        self._write(
            {
                "WebhookFunctionName": webhook.function_name,
                "WebhookUrl": webhook.url,
                "WebhookSecretArn": webhook.credentials.arn,
            }
        )

    def _write_records(self, name: str, records: Sequence[object]) -> None:
        numbered = {f"{name}{number}": str(record) for number, record in enumerate(records, start=1)}
        self._write(numbered, description=DNS_RECORD)

    def _write(self, values: Mapping[str, str], *, description: str | None = None) -> None:
        for name, value in values.items():
            CfnOutput(self._scope, name, value=value, description=description)
            ssm.StringParameter(
                self._parameters,
                name,
                parameter_name=parameter_name(self._stage, name),
                string_value=value,
                description=description,
            )


def _enabled_rules(settings: Settings) -> list[str]:
    """Return the names in SES of the receipt rules that are enabled, in order."""
    return [settings.rule_name(rule.name) for rule in settings.inbound.receipt_rules if rule.enabled]


def _given(output: str, values: Sequence[str | None]) -> dict[str, str]:
    """Return an output with the values, separated by commas, as many as it has room for; none without any."""
    text = ""
    for value in filter(None, values):
        longer = f"{text},{value}" if text else value
        if len(longer) > MOST_CHARACTERS:
            break
        text = longer
    return {output: text} if text else {}

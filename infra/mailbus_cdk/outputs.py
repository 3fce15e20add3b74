"""The outputs of a deployment: for each a stack output, and a parameter in SSM with the same value.

Programs find a stage by the parameters (`mailbus.stages`), since they know its name and no stack's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import CfnOutput
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from mailbus.stages import parameter_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailbus_cdk.constructs.receipt_rules import Receiving
    from mailbus_cdk.constructs.state import State
    from mailbus_cdk.constructs.webhook import Webhook
    from mailbus_cdk.mail import Mail

DNS_RECORD: Final = "A DNS record to create by hand"


class Outputs:
    """Writes the outputs of one stage into a stack: those of a `scope` have its names."""

    def __init__(self, scope: Construct, *, stage: str) -> None:
        self._scope = scope
        self._parameters = Construct(scope, "Parameters")
        self._stage = stage

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
                "TrackingTopicArn": tracking.events.topic.topic_arn,
                "TrackingQueueUrl": tracking.work.queue.queue_url,
                "TrackingDeadLetterQueueUrl": tracking.dead_letters.queue.queue_url,
            }
        )
        for name, records in mail.identity.dns_records.items():
            self._write_records(name, records)
        self._write_records("RedirectRecord", tracking.configuration_set.dns_records)
        if inbound:
            self._write(
                {
                    "InboundTopicArn": inbound.receipts.topic.topic_arn,
                    "InboundQueueUrl": inbound.work.queue.queue_url,
                    "InboundDeadLetterQueueUrl": inbound.dead_letters.queue.queue_url,
                }
            )

    def receiving(self, receiving: Receiving) -> None:
        """Write the receipt rule set, and the DNS records of the receiving domains."""
        self._write({"RuleSetName": receiving.rule_set_name})
        self._write_records("InboundDkimRecord", receiving.domains.dns_records)
        self._write_records("MxRecord", receiving.domains.mx_records)

    def webhook(self, webhook: Webhook) -> None:
        """Write where the webhook is, and the secret of its credentials."""
        self._write({"WebhookUrl": webhook.url, "WebhookSecretArn": webhook.credentials.arn})

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

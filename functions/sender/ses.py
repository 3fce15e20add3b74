"""The edge to SES: one call, its errors translated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from mailbus.events import JOB_ID_TAG
from sender.outcomes import Fault, classify

if TYPE_CHECKING:
    from types_boto3_sesv2.client import SESV2Client

    from sender.request import Request


class MailService:
    """Sends by SES. The client must not retry by itself: SES has no idempotency token."""

    def __init__(self, client: SESV2Client) -> None:
        self._client = client

    def send(self, request: Request) -> str | Fault:
        """Send once; the answer is SES's message id, or what went wrong."""
        receivers = request.envelope
        try:
            answer = self._client.send_email(
                FromEmailAddress=request.from_email,
                Destination={
                    "ToAddresses": list(receivers.to),
                    "CcAddresses": list(receivers.cc),
                    "BccAddresses": list(receivers.bcc),
                },
                Content={"Raw": {"Data": request.message}},
                EmailTags=[{"Name": JOB_ID_TAG, "Value": request.job_id}],
                ConfigurationSetName=request.configuration_set_name,
            )
        except ClientError as error:
            problem = error.response["Error"]
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            return classify(problem.get("Code", "Unknown"), problem.get("Message", ""), status)
        except (BotoCoreError, ResponseParserError) as error:
            return classify(type(error).__name__, str(error), None)
        return answer["MessageId"]

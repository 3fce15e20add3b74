"""The timeline of a stage, for applications: what became of each mail.

    timeline = Timeline(stage="prod")
    for mail in timeline.by_recipient("ann@example.com"):
        print(mail.job_id, mail.status, mail.last)

It needs the rights that the construct's `grant_status` grants.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from mailbus.aws import call_errors, queue_endpoints, sessions, stage_queues
from mailbus.errors import ConfigurationError
from mailbus.stages import LOCAL, TIMELINE_TABLE, check_stage, parameter_name
from mailbus.timeline.table import PAGE_LIMIT, TimelineTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    import boto3
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_ssm.client import SSMClient

    from mailbus.timeline.mails import Page, ReceivedPage, TimelineEvent, TimelineMail

CALL_ATTEMPTS: Final = 4
NO_TIMELINE: Final = "This stage keeps no timeline. Set `timeline.days` and deploy."


class Timeline:
    """Reads the timeline of a stage, whose table is looked up once, on first use, in the session's region.

    Clients of AWS are created on first use from `session` (by default with boto3's own credentials and
    region), unless they are given. Each method raises `ConfigurationError` with what to fix (there is no
    such stage, it keeps no timeline, a right is missing), or `SendError` if AWS does not answer. A timeline
    may be shared by threads.
    """

    def __init__(
        self,
        *,
        stage: str,
        session: boto3.Session | None = None,
        ssm: SSMClient | None = None,
        dynamodb: DynamoDBClient | None = None,
    ) -> None:
        check_stage(stage)
        self._stage = stage
        self._session = session
        self._clients: dict[str, Any] = {"ssm": ssm, "dynamodb": dynamodb}
        self._table: TimelineTable | None = None
        self._finding = threading.Lock()

    def by_message(self, message_id: str) -> tuple[TimelineMail, ...]:
        """Return the mails of one of SES's messages, one for each recipient."""
        return self._found().by_message(message_id)

    def by_job(self, job_id: str) -> tuple[TimelineMail, ...]:
        """Return the mails of a job, newest first.

        One that failed before SES accepted it is left out once there is a message of it.
        """
        return self._found().by_job(job_id)

    def by_recipient(self, address: str) -> tuple[TimelineMail, ...]:
        """Return the mails to an address, newest first; case does not matter in its domain."""
        return self._found().by_recipient(address)

    def newest(self, before: str | None = None, limit: int = PAGE_LIMIT) -> Page:
        """Return the newest messages with all their recipients; `page.older` is `before` of the next page."""
        return self._found().newest(before, limit)

    def mails(self, groups: Iterable[str]) -> tuple[TimelineMail, ...]:
        """Return the mails of these groups (`mail.group`) as they are now."""
        return self._found().mails(groups)

    def events(self, mail: TimelineMail) -> tuple[TimelineEvent, ...]:
        """Return the events of a mail and of its job's earlier tries, oldest first.

        Those that name no recipient are of each.
        """
        return self._found().events(mail)

    def received(self, before: str | None = None, limit: int = PAGE_LIMIT) -> ReceivedPage:
        """Return the newest received mails; `page.older` is `before` of the next page."""
        return self._found().received(before, limit)

    def _found(self) -> TimelineTable:
        with self._finding:
            if self._table is None:
                self._table = TimelineTable(self._aws("dynamodb"), self._table_name())
            return self._table

    def _table_name(self) -> str:
        ssm: SSMClient = self._aws("ssm")
        name = parameter_name(self._stage, TIMELINE_TABLE)
        try:
            return ssm.get_parameter(Name=name)["Parameter"]["Value"]
        except (ClientError, BotoCoreError) as error:
            if sessions.error_code(error) == stage_queues.NOT_FOUND:
                region = ssm.meta.region_name
                reason = (
                    f"{NO_TIMELINE} If it does keep one, correct the stage's name, the region "
                    f"(AWS_DEFAULT_REGION) or the account: there is no parameter {name} in {region}"
                )
                raise ConfigurationError(reason) from error
            permission = f"{call_errors.FIND} {name}, or correct the stage's name"
            grant = call_errors.GRANT_STATUS
            raise call_errors.translated(error, permission, grant=grant) from error

    def _aws(self, service: str) -> Any:  # noqa: ANN401 - the caller names the client's type
        if self._clients[service] is None:
            self._clients[service] = self._create(service)
        return self._clients[service]

    def _create(self, service: str) -> Any:  # noqa: ANN401 - as above
        session: Any = self._session
        try:
            if session is None:
                session = self._session = sessions.open_session()
            client = session.client(service, config=sessions.config(max_attempts=CALL_ATTEMPTS))
        except NoRegionError as error:
            if self._stage == LOCAL:
                raise stage_queues.not_local(None) from error
            raise call_errors.translated(error, call_errors.FIND) from error
        except BotoCoreError as error:
            raise call_errors.translated(error, call_errors.FIND) from error
        except ValueError as error:
            # botocore's, of the environment and the profile
            reason = f"AWS_ENDPOINT_URL must be a URL, such as http://127.0.0.1:4566: {error}"
            raise ConfigurationError(reason) from error
        if self._stage == LOCAL and queue_endpoints.is_of_aws(str(client.meta.endpoint_url)):
            raise stage_queues.not_local(str(client.meta.endpoint_url))
        return client

"""A stage with a timeline and a ledger, each on a fake DynamoDB behind one client."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from tests.unit.fakes.dynamodb import TABLE as LEDGER
from tests.unit.mailbus.ledger.world import World
from tests.unit.timeline.recording import TABLE, Function

if TYPE_CHECKING:
    from mailbus.events import EmailEvent
    from mailbus_cli.deployment import Deployment


class MailStage:
    """The stage prod; `suppressed` are addresses on SES's list, `denied` are operations without a right."""

    name = "stage prod in eu-west-1"
    stage = "prod"
    option = "--stage prod"
    region = "eu-west-1"
    is_local = False

    def __init__(self) -> None:
        self.outputs = {"TimelineTableName": TABLE, "LedgerTableName": LEDGER, "TimelineDays": "30"}
        self.timeline = Function()
        self.ledger = World()
        self.suppressed: set[str] = set()
        self.denied: set[str] = set()

    @property
    def deployment(self) -> Deployment:
        return cast("Deployment", self)

    def record(self, *events: EmailEvent) -> None:
        self.timeline.record(*events)

    def output(self, name: str) -> str:
        return self.outputs[name]

    def client(self, service: str) -> Any:
        return self if service == "dynamodb" else SimpleNamespace(get_suppressed_destination=self._listed)

    def _listed(self, *, EmailAddress: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self._check("GetSuppressedDestination")
        if EmailAddress not in self.suppressed:
            raise ClientError(
                {"Error": {"Code": "NotFoundException", "Message": "no"}}, "GetSuppressedDestination"
            )
        since = datetime(2026, 11, 28, 14, 32, tzinfo=UTC)
        return {"SuppressedDestination": {"Reason": "BOUNCE", "LastUpdateTime": since}}

    def _check(self, operation: str) -> None:
        if operation in self.denied:
            message = (
                f"User: arn:aws:iam::210987654321:user/ada is not authorized to perform: ses:{operation}"
            )
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": message}}, operation)

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> Any:
            self._check(operation)
            name = request.get("TableName") or next(iter(request["RequestItems"]))
            request.pop("ConsistentRead", None)
            fake = self.timeline.dynamodb if name == TABLE else self.ledger.client
            return getattr(fake, operation)(**request)

        return call

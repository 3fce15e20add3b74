"""A stage in an account that has these quotas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from mailbus_cli.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: as SES answers, of which the checks read the quota
ACCOUNT: Mapping[str, Any] = {
    "SendQuota": {"MaxSendRate": 50.0, "Max24HourSend": 50_000.0, "SentLast24Hours": 7.0},
    "ProductionAccessEnabled": True,
}


class QuotaStage(Deployment):
    """The stage: `values` are those of Service Quotas by their codes, `refusal` is what it answers always."""

    def __init__(
        self,
        values: Mapping[str, float],
        *,
        region: str = "eu-north-1",
        refusal: str | None = None,
        account: Mapping[str, Any] = ACCOUNT,
        directory: Path | None = None,
        **outputs: str,
    ) -> None:
        super().__init__(
            stage="prod",
            session=boto3.Session(region_name=region),
            outputs={"ExpectedRate": "14", **outputs},
            directory=directory,
        )
        self.values = values
        self.refusal = refusal
        self.account = account
        self.asked: list[str] = []

    def client(self, service: str, *, region: str | None = None) -> Any:  # noqa: ARG002 - one account
        assert service in {"service-quotas", "sesv2"}
        return self

    def get_account(self) -> Mapping[str, Any]:
        return self.account

    def get_service_quota(self, *, ServiceCode: str, QuotaCode: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        self.asked.append(f"{ServiceCode} {QuotaCode}")
        code = self.refusal or (None if QuotaCode in self.values else "NoSuchResourceException")
        if code:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetServiceQuota")
        return {"Quota": {"Value": self.values[QuotaCode]}}

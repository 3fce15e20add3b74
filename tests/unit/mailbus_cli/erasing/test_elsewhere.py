from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mailbus_cli.erasing.elsewhere import places

OUTPUTS = {
    "EventArchiveName": "mailbus-prod-archive",
    "InboundBucketName": "prod-inbound",
    "JobsBucketName": "prod-jobs",
    "SendDeadLetterQueueUrl": "https://sqs.eu-west-1.amazonaws.com/210987654321/prod-send-dead",
}


def refused(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "refused"}}, operation)


class Account:
    """AWS, as the deployment is asked of it; `errors` fail calls by their operation."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}
        self.outputs = OUTPUTS
        self.lifecycle = [
            {"Status": "Enabled", "Filter": {"Prefix": "raw/"}, "Expiration": {"Days": 90}},
            {"Status": "Enabled", "Filter": {"Prefix": "parts/"}, "Expiration": {"Days": 60}},
            {"Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
        ]
        self.archive_days = 30

    def client(self, service: str) -> Any:
        return {
            "events": SimpleNamespace(describe_archive=self.describe_archive),
            "s3": SimpleNamespace(get_bucket_lifecycle_configuration=self.get_lifecycle),
            "sqs": SimpleNamespace(
                get_queue_attributes=lambda **_: {"Attributes": {"MessageRetentionPeriod": "1209600"}}
            ),
            "sesv2": SimpleNamespace(get_suppressed_destination=self.get_suppressed),
        }[service]

    def _called(self, operation: str) -> None:
        if operation in self.errors:
            raise refused(self.errors[operation], operation)

    def describe_archive(self, **_: str) -> dict[str, int]:
        self._called("DescribeArchive")
        return {"RetentionDays": self.archive_days}

    def get_lifecycle(self, **_: str) -> dict[str, Any]:
        self._called("GetBucketLifecycleConfiguration")
        return {"Rules": self.lifecycle}

    def get_suppressed(self, **_: str) -> dict[str, Any]:
        self._called("GetSuppressedDestination")
        return {}

    def kept(self) -> dict[str, str]:
        deployment: Any = self
        return {place.what: place.kept for place in places(deployment, "ann@example.com")}


@pytest.fixture
def account() -> Account:
    return Account()


def test_each_place_is_named_with_how_long_it_keeps_an_address(account: Account) -> None:
    account.errors["GetSuppressedDestination"] = "NotFoundException"
    kept = account.kept()
    assert kept["the archive of events: mailbus-prod-archive"] == "30 days"
    assert kept["received mail, raw and decoded: prod-inbound"] == "90 days (raw/), 60 days (parts/)"
    assert kept["dead letters: prod-send-dead"] == "14 days, unless they are deleted before"
    assert kept["SES's suppression list"] == "not on it"
    assert "what the targets of your own rules stored" in kept


def test_an_address_on_the_suppression_list_stays_there(account: Account) -> None:
    assert "delete-suppressed-destination" in account.kept()["SES's suppression list"]


def test_an_archive_and_a_bucket_may_keep_things_forever(account: Account) -> None:
    account.archive_days = 0
    account.errors["GetBucketLifecycleConfiguration"] = "NoSuchLifecycleConfiguration"
    kept = account.kept()
    assert kept["the archive of events: mailbus-prod-archive"] == "forever"
    assert kept["jobs too large for a message: prod-jobs"] == "until you delete it"


def test_what_may_not_be_read_is_named_with_the_right_that_it_needs(account: Account) -> None:
    account.errors["DescribeArchive"] = "AccessDeniedException"
    archive = account.kept()["the archive of events: mailbus-prod-archive"]
    assert archive == "not known: DescribeArchive AccessDeniedException"

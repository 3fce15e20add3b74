"""Stored data."""

from __future__ import annotations

import pytest

from mailbus.timeline.items import INDEXES
from tests.infra.templates import (
    Templates,
    denies_plain_connections,
    statements,
)


@pytest.mark.parametrize(
    ("name", "kept"),
    [("InboundMail", {"raw/": 90, "parts/": 60}), ("Jobs", {"jobs/": 30, "scheduled/": 400})],
)
def test_mail_and_jobs_are_private_encrypted_and_expire(
    prod: Templates, name: str, kept: dict[str, int]
) -> None:
    bucket = prod.one("AWS::S3::Bucket", name).properties
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    expiry = {
        rule["Prefix"]: rule["ExpirationInDays"]
        for rule in bucket["LifecycleConfiguration"]["Rules"]
        if "Prefix" in rule
    }
    assert expiry == kept


def test_the_policy_of_the_jobs_bucket_only_denies_plain_connections(
    prod: Templates,
) -> None:
    policy = prod.one("AWS::S3::BucketPolicy", "Jobs")
    assert denies_plain_connections(policy, {"AWS": "*"}, "s3:*")
    assert {statement["Effect"] for statement in statements(policy)} == {"Deny"}


def test_the_group_of_schedules_is_in_the_state_stack(prod: Templates) -> None:
    group = prod.one("AWS::Scheduler::ScheduleGroup")
    assert (group.stack, group.properties["Name"]) == ("state", "mailbus-prod")


def test_ses_writes_received_mail_only_and_plain_connections_are_denied(prod: Templates) -> None:
    policy = prod.one("AWS::S3::BucketPolicy", "InboundMail")
    assert denies_plain_connections(policy, {"AWS": "*"}, "s3:*")
    (allowed,) = [statement for statement in statements(policy) if statement["Effect"] == "Allow"]
    assert allowed["Principal"] == {"Service": "ses.amazonaws.com"}
    assert allowed["Action"] == "s3:PutObject"
    assert prod.text("state", allowed["Resource"]) == "<State/InboundMail/Bucket>/raw/*"
    assert allowed["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert prod.text("state", allowed["Condition"]["ArnLike"]["aws:SourceArn"]) == (
        "arn:aws:ses:us-east-1:111122223333:receipt-rule-set/*:receipt-rule/mailbus-prod.*"
    )


def test_items_of_the_ledger_expire_by_expires_at_and_can_be_restored(prod: Templates) -> None:
    table = prod.one("AWS::DynamoDB::Table", "Ledger").properties
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["DeletionProtectionEnabled"] is True


def test_items_of_the_timeline_expire_and_are_found_by_sparse_indexes_of_keys_alone(prod: Templates) -> None:
    table = prod.one("AWS::DynamoDB::Table", "Timeline").properties
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"] is True
    indexes = table["GlobalSecondaryIndexes"]
    assert {
        index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]] for index in indexes
    } == {name: [key, "created"] for name, key in INDEXES.items()}
    assert [index["Projection"] for index in indexes] == [{"ProjectionType": "KEYS_ONLY"}] * 3


def test_a_backup_of_the_timeline_would_keep_what_was_erased(prod: Templates) -> None:
    table = prod.one("AWS::DynamoDB::Table", "Timeline").properties
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": False}


def test_the_events_of_the_bus_are_archived(prod: Templates) -> None:
    archive = prod.one("AWS::Events::Archive").properties
    assert archive["RetentionDays"] == 90
    assert archive["EventPattern"]["source"] == ["mailbus"]
    assert prod.text("state", archive["SourceArn"]) == "<State/Events/Bus>"


STATEFUL = (
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::Events::EventBus",
    "AWS::Events::Archive",
    "AWS::Scheduler::ScheduleGroup",
)


@pytest.mark.parametrize("kind", STATEFUL)
def test_stored_data_is_retained(prod: Templates, kind: str) -> None:
    for resource in prod.of_type(kind):
        body = prod.raw[resource.stack]["Resources"][resource.logical_id]
        assert body["UpdateReplacePolicy"] == "Retain"
        assert body["DeletionPolicy"] in {"Retain", "RetainExceptOnCreate"}


def test_what_a_failed_first_deployment_leaves_is_not_in_the_way_of_the_next_one(prod: Templates) -> None:
    names = {"AWS::Events::EventBus": "Name", "AWS::Scheduler::ScheduleGroup": "Name"}
    for resource in (found for found in prod.resources if found.type in STATEFUL):
        if resource.deletion_policy == "Retain":
            # a table that is protected from deletion would make the rollback fail
            assert resource.type == "AWS::DynamoDB::Table"
            assert "TableName" not in resource.properties
        else:
            assert resource.deletion_policy == "RetainExceptOnCreate"
        if name := names.get(resource.type):
            assert resource.properties[name] == "mailbus-prod"


@pytest.mark.parametrize("kind", STATEFUL)
def test_stored_data_of_the_local_stage_is_deleted(local: Templates, kind: str) -> None:
    assert {resource.deletion_policy for resource in local.of_type(kind)} == {"Delete"}

"""MiniStack evaluates policies; each of these facts is one that it would see otherwise than AWS by itself."""

from __future__ import annotations

import json
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.unit.mailbus_local.role_sessions import RoleSession, allow
from tests.unit.mailbus_local.simulated_ses import ACCOUNT, REGION, aws_client

GROUP = "mailbus-test"
SCHEDULE = {
    "ScheduleExpression": "at(2030-01-01T00:00:00)",
    "FlexibleTimeWindow": {"Mode": "OFF"},
    "Target": {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:any", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/any"},
}


def test_a_right_to_single_calls_allows_batches_and_nothing_else(ministack: str) -> None:
    name = uuid.uuid4().hex
    url = aws_client("sqs", ministack).create_queue(QueueName=name)["QueueUrl"]
    session = RoleSession(ministack, allow("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"))
    sqs = session.client("sqs", ministack)

    assert sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "a"}])["Successful"]
    with pytest.raises(ClientError, match=rf"{session.arn} is not authorized to perform: sqs:PurgeQueue"):
        sqs.purge_queue(QueueUrl=url)


def test_requests_count_as_ones_with_tls(ministack: str) -> None:
    name = uuid.uuid4().hex
    owner = aws_client("s3", ministack)
    owner.create_bucket(Bucket=name)
    deny = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{name}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    owner.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    s3 = RoleSession(ministack, allow("s3:PutObject", f"arn:aws:s3:::{name}/raw/*")).client("s3", ministack)

    assert s3.put_object(Bucket=name, Key="raw/1", Body=b"a")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=name, Key="other/1", Body=b"a")


def test_schedules_are_in_their_group(ministack: str) -> None:
    aws_client("scheduler", ministack).create_schedule_group(Name=GROUP)
    allowed = allow("scheduler:*Schedule", f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{GROUP}/*")
    scheduler = RoleSession(ministack, allowed).client("scheduler", ministack)

    assert scheduler.create_schedule(Name="one", GroupName=GROUP, **SCHEDULE)
    assert scheduler.get_schedule(Name="one", GroupName=GROUP)
    with pytest.raises(ClientError, match="AccessDenied"):
        scheduler.create_schedule(Name="one", **SCHEDULE)
    with pytest.raises(ClientError, match="AccessDenied"):
        scheduler.get_schedule(Name="one")


def test_credentials_that_it_did_not_issue_are_those_of_the_account(ministack: str) -> None:
    sqs = boto3.client(
        "sqs",
        endpoint_url=ministack,
        region_name=REGION,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="anything",
    )
    url = sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
    assert f"/{ACCOUNT}/" in url

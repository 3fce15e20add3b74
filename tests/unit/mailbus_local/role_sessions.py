"""Clients under the session of a role that a test made."""

from __future__ import annotations

import json
import uuid
from typing import Any

import boto3
from botocore.config import Config

from tests.unit.mailbus_local.simulated_ses import ACCOUNT, REGION, aws_client


class RoleSession:
    """A session of a new role that allows `statements`, at MiniStack's URL."""

    def __init__(self, ministack: str, *statements: dict[str, Any]) -> None:
        self.role = f"role-{uuid.uuid4().hex}"
        iam, sts = aws_client("iam", ministack), aws_client("sts", ministack)
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "sts:AssumeRole",
        }
        arn = iam.create_role(RoleName=self.role, AssumeRolePolicyDocument=_document(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=self.role, PolicyName="own", PolicyDocument=_document(*statements))
        self._credentials = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]

    def client(self, service: str, url: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]  # the stubs know literal names only
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=self._credentials["AccessKeyId"],
            aws_secret_access_key=self._credentials["SecretAccessKey"],
            aws_session_token=self._credentials["SessionToken"],
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    @property
    def arn(self) -> str:
        """The ARN of the session."""
        return f"arn:aws:sts::{ACCOUNT}:assumed-role/{self.role}/test"


def allow(actions: str | list[str], *resources: str, **more: Any) -> dict[str, Any]:
    """Return a statement that allows actions on resources."""
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources), **more}


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})

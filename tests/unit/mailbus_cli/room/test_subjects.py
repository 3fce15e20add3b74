from __future__ import annotations

import boto3

from mailbus_cli.deployment import Deployment
from mailbus_cli.room.subjects import Subjects


def test_an_account_has_no_subjects() -> None:
    session = boto3.Session("test", "test", region_name="us-east-1")
    subjects = Subjects(Deployment(stage="prod", session=session, outputs={}))
    assert (subjects.of(["m1"]), subjects.of_jobs(["order-1"]), subjects.containing("x")) == ({}, {}, ())

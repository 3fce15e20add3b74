"""The buckets exist, and SES may store received mail, encrypted if so set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from mailbus_cli.doctor import arns, policies
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.policies import Access
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem, unchecked

if TYPE_CHECKING:
    from mailbus_cli.doctor.facts import Facts

INBOUND: Final = "InboundBucketName"
OUTPUTS: Final = ("JobsBucketName", "EventsBucketName", INBOUND)
# where the receipt rules store mail: infra/mailbus_cdk/constructs/buckets.py
RAW_PREFIX: Final = "raw/"


def judge_policy(bucket: str, policy: str | None, rule: str) -> Verdict:
    """Judge whether the policy of the bucket of received mail lets SES store what a receipt rule takes."""
    partition = rule.split(":")[1]
    access = Access(
        service=arns.SES,
        action="s3:PutObject",
        resource=f"arn:{partition}:s3:::{bucket}/{RAW_PREFIX}message",
        source_arn=rule,
        account=arns.account(rule),
    )
    if policies.allows(policy, access):
        return ok(bucket)
    return problem(
        f"the policy of the bucket {bucket} does not let SES store received mail: it bounces",
        fix="restore its statement SesStoresReceivedMail",
    )


def judge_key(arn: str, policy: str, rule: str) -> Verdict:
    """Judge whether the policy of the key of received mail lets SES encrypt it."""
    access = Access(
        service=arns.SES,
        action="kms:GenerateDataKey",
        resource=arn,
        source_arn=rule,
        account=arns.account(rule),
    )
    if policies.allows(policy, access):
        return ok(arn)
    return problem(
        "the policy of the key of received mail does not let SES encrypt it: mail bounces",
        fix="restore its statement SesEncryptsReceivedMail",
    )


def _run(facts: Facts) -> Verdict:
    names = [name for output in OUTPUTS if (name := facts.output(output))]
    verdicts = [_exists(facts, name) for name in names]
    bucket, topic, rule_set = (facts.output(name) for name in (INBOUND, "InboundTopicArn", "RuleSetName"))
    rules = facts.outputs("ReceiptRules")
    if bucket and topic and rule_set and rules:
        rule = arns.rule(topic, rule_set, rules[0])
        verdicts.append(judge_policy(bucket, _policy(facts, bucket), rule))
        if key := facts.output("InboundKeyArn"):
            found = facts.read("kms", "get_key_policy", KeyId=key, PolicyName="default")["Policy"]
            verdicts.append(judge_key(key, found, rule))
        fine = f"{len(names)} buckets; SES may store received mail"
    else:
        verdicts.append(unchecked("the stage receives no mail"))
        fine = f"{len(names)} buckets"
    return combined(verdicts, fine=fine)


def _exists(facts: Facts, bucket: str) -> Verdict:
    try:
        facts.read("s3", "head_bucket", Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchBucket", "NotFound"}:
            raise
        return problem(f"the bucket {bucket} does not exist", fix="deploy the stage again")
    return ok(bucket)


def _policy(facts: Facts, bucket: str) -> str | None:
    try:
        return str(facts.read("s3", "get_bucket_policy", Bucket=bucket)["Policy"])
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"NoSuchBucketPolicy", "NoSuchBucket"}:
            raise
        return None


CHECK: Final = Check(
    name="buckets",
    title="Buckets",
    rights=("s3:ListBucket", "s3:GetBucketPolicy", "kms:GetKeyPolicy"),
    run=_run,
)

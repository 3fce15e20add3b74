"""The key of the topics is enabled, and SES may use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus_cli.doctor import arns, policies
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.checks.topics import attributes
from mailbus_cli.doctor.policies import Access
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem, unchecked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts

# https://docs.aws.amazon.com/ses/latest/dg/configure-sns-notifications.html#configure-feedback-notifications-sns-encryption
ACTIONS: Final = ("kms:GenerateDataKey", "kms:Decrypt")
OF_AWS: Final = "alias/aws/sns"


def judge(key: Mapping[str, Any], policy: str, source: str) -> Verdict:
    """Judge a key by its metadata and policy, for a resource of SES that publishes."""
    arn, state = str(key["Arn"]), str(key.get("KeyState", "Enabled"))
    if state != "Enabled":
        restore = "cancel-key-deletion" if state == "PendingDeletion" else "enable-key"
        return problem(
            f"the key of the topics is {state}: SES cannot publish",
            fix="restore it",
            record=f"aws kms {restore} --key-id {arn}"
            + (f" && aws kms enable-key --key-id {arn}" if state == "PendingDeletion" else ""),
        )
    refused = [
        action
        for action in ACTIONS
        if not policies.allows(
            policy,
            Access(
                service=arns.SES, action=action, resource=arn, source_arn=source, account=arns.account(source)
            ),
        )
    ]
    if refused:
        return problem(
            f"the policy of the topics' key does not let SES call {' and '.join(refused)}: events are lost",
            fix="restore its statement SesPublishesToEncryptedTopics",
        )
    return ok(arn)


def _run(facts: Facts) -> Verdict:
    verdicts = []
    for route in facts.routes:
        topic = str(facts.output(route.topic))
        key = (attributes(facts, topic) or {}).get("KmsMasterKeyId")
        if not key:
            verdicts.append(unchecked(f"the {route.name} topic has no key"))
        elif key.endswith(OF_AWS):
            verdicts.append(
                problem(
                    f"the {route.name} topic has AWS's own key, with which SES cannot publish",
                    fix="deploy again",
                )
            )
        else:
            metadata = facts.read("kms", "describe_key", KeyId=key)["KeyMetadata"]
            policy = facts.read("kms", "get_key_policy", KeyId=metadata["KeyId"], PolicyName="default")[
                "Policy"
            ]
            verdicts.append(judge(metadata, policy, topic))
    return combined(verdicts, fine="enabled, and SES may use it")


CHECK: Final = Check(
    name="topic-key",
    title="Topic key",
    rights=("sns:GetTopicAttributes", "kms:DescribeKey", "kms:GetKeyPolicy"),
    run=_run,
)

"""The topics that SES publishes to."""

from __future__ import annotations

from tests.infra.templates import (
    Templates,
    denies_plain_connections,
    statements,
)


def test_every_topic_is_signed_with_sha256_and_encrypted_by_a_key_of_the_deployment(prod: Templates) -> None:
    key = prod.one("AWS::KMS::Key")
    assert key.properties["EnableKeyRotation"] is True
    topics = prod.of_type("AWS::SNS::Topic")
    assert len(topics) == 3
    for topic in topics:
        assert topic.properties["SignatureVersion"] == "2"
        assert prod.text("mail", topic.properties["KmsMasterKeyId"]) == f"<{key.path}>"


def test_every_topic_refuses_plain_connections(prod: Templates) -> None:
    for policy in prod.of_type("AWS::SNS::TopicPolicy"):
        assert denies_plain_connections(policy, "*", "sns:Publish")


def test_ses_publishes_for_this_account_only_and_from_its_own_resources_only(prod: Templates) -> None:
    allowed = {
        policy.path.partition("/Topic")[0]: statement["Condition"]
        for policy in prod.of_type("AWS::SNS::TopicPolicy")
        for statement in statements(policy)
        if statement["Effect"] == "Allow" and statement["Principal"] == {"Service": "ses.amazonaws.com"}
    }
    sources = {
        path: [prod.text("mail", arn) for arn in condition["ArnLike"]["aws:SourceArn"]]
        for path, condition in allowed.items()
    }
    assert sources == {
        "Mail/Tracking/Events": ["arn:aws:ses:us-east-1:111122223333:configuration-set/mailbus-prod"],
        "Mail/Inbound/Receipts": [
            "arn:aws:ses:us-east-1:111122223333:receipt-rule-set/*:receipt-rule/mailbus-prod.*"
        ],
    }
    for condition in allowed.values():
        assert condition["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def test_ses_may_use_the_topics_key_for_this_account_only(prod: Templates) -> None:
    (statement,) = [
        statement
        for statement in prod.one("AWS::KMS::Key").properties["KeyPolicy"]["Statement"]
        if statement["Principal"] == {"Service": "ses.amazonaws.com"}
    ]
    assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_topics_deliver_in_their_envelope(prod: Templates) -> None:
    for subscription in prod.of_type("AWS::SNS::Subscription"):
        if subscription.properties["Protocol"] == "lambda":
            # which has the envelope in any case
            continue
        assert subscription.properties["RawMessageDelivery"] is False

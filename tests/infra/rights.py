"""The rights of each function, and those that an application needs to send."""

from __future__ import annotations

from tests.infra.templates import ACCOUNT, SES_ARN

WRITE_LOGS = ["logs:CreateLogStream", "logs:PutLogEvents"]
READ_QUEUE = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
RIGHTS: dict[str, set[tuple[str, str]]] = {
    "Mail/Sending/Sender": {
        *((action, "<Mail/Sending/Sender/Log>") for action in WRITE_LOGS),
        *(
            (action, f"<Mail/Sending/{lane}/Queue>")
            for action in (*READ_QUEUE, "sqs:SendMessage", "sqs:ChangeMessageVisibility")
            for lane in ("Transactional", "Bulk")
        ),
        ("sqs:SendMessage", "<Mail/Sending/DeadLetters/Queue>"),
        ("sqs:GetQueueAttributes", "<Mail/Tracking/Work/Queue>"),
        *(
            (f"dynamodb:{action}", "<State/Ledger/Table>")
            for action in (
                "PartiQLInsert",
                "GetItem",
                "PutItem",
                "UpdateItem",
                "BatchGetItem",
                "BatchWriteItem",
            )
        ),
        ("s3:GetObject", "<State/Jobs/Bucket>/*"),
        ("s3:GetObjectVersion", "<State/Jobs/Bucket>/*"),
        ("s3:GetObject", "arn:aws:s3:::example-invoices/*"),
        ("s3:GetObjectVersion", "arn:aws:s3:::example-invoices/*"),
        ("s3:PutObject", "<State/Jobs/Bucket>/jobs/*"),
        ("s3:PutObject", "<State/Jobs/Bucket>/scheduled/*"),
        ("scheduler:CreateSchedule", f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/mailbus-prod/*"),
        ("iam:PassRole", "<Mail/Sending/Scheduling/Role>"),
        ("events:PutEvents", "<State/Events/Bus>"),
        *(
            (f"ses:{action}", resource)
            for action in (
                "SendEmail",
                "SendRawEmail",
                "SendTemplatedEmail",
                "SendBulkEmail",
                "SendBulkTemplatedEmail",
            )
            for resource in (
                f"{SES_ARN}:identity/<Mail/Identity/Identity>",
                f"{SES_ARN}:configuration-set/mailbus-prod",
                f"{SES_ARN}:template/*",
            )
        ),
        # SES has no resource to scope these two to.
        ("ses:ApplyTrackingConfigurationOverrides", "*"),
        ("ses:GetAccount", "*"),
    },
    "Mail/Sending/Scheduling": {
        ("sqs:SendMessage", "<Mail/Sending/Transactional/Queue>"),
        ("sqs:SendMessage", "<Mail/Sending/Bulk/Queue>"),
        ("sqs:SendMessage", "<Mail/Sending/DeadLetters/Queue>"),
    },
    "Mail/Tracking/Tracker": {
        *((action, "<Mail/Tracking/Tracker/Log>") for action in WRITE_LOGS),
        *((action, "<Mail/Tracking/Work/Queue>") for action in (*READ_QUEUE, "sqs:ChangeMessageVisibility")),
        ("sqs:SendMessage", "<Mail/Tracking/DeadLetters/Queue>"),
        ("dynamodb:BatchGetItem", "<State/Ledger/Table>"),
        ("dynamodb:UpdateItem", "<State/Ledger/Table>"),
        ("s3:PutObject", "<State/EspEvents/Bucket>/esp-events/*"),
        ("events:PutEvents", "<State/Events/Bus>"),
    },
    "Mail/Inbound/Reader": {
        *((action, "<Mail/Inbound/Reader/Log>") for action in WRITE_LOGS),
        *((action, "<Mail/Inbound/Work/Queue>") for action in READ_QUEUE),
        ("sqs:SendMessage", "<Mail/Inbound/DeadLetters/Queue>"),
        ("events:PutEvents", "<State/Events/Bus>"),
        ("s3:GetObject", "<State/InboundMail/Bucket>/raw/*"),
        ("s3:PutObject", "<State/InboundMail/Bucket>/parts/*"),
    },
    "Mail/Timeline/Recorder": {
        *((action, "<Mail/Timeline/Recorder/Log>") for action in WRITE_LOGS),
        *((action, "<Mail/Timeline/Work/Queue>") for action in READ_QUEUE),
        ("sqs:SendMessage", "<Mail/Timeline/DeadLetters/Queue>"),
        ("dynamodb:BatchWriteItem", "<State/Timeline/Table>"),
        ("dynamodb:UpdateItem", "<State/Timeline/Table>"),
    },
    "Mail/Guard/Function": {
        *((action, "<Mail/Guard/Function/Log>") for action in WRITE_LOGS),
        ("sqs:SendMessage", "<Mail/Guard/DeadLetters/Queue>"),
        ("dynamodb:UpdateItem", "<State/Ledger/Table>"),
        ("events:PutEvents", "<State/Events/Bus>"),
    },
    # SES has no resource to scope these two to.
    "Receiving/Activation/Activator": {
        *((action, "<Receiving/Activation/Activator/Log>") for action in WRITE_LOGS),
        ("ses:DescribeActiveReceiptRuleSet", "*"),
        ("ses:SetActiveReceiptRuleSet", "*"),
    },
}
# Functions that are deployed with `tracking.notified_identities` and `tracking.custom_redirect_domain` only.
RIGHTS_BY_SETTING: dict[str, set[tuple[str, str]]] = {
    # SES has no resource to scope these to.
    "Mail/IdentityFeedback/Function": {
        *((action, "<Mail/IdentityFeedback/Function/Log>") for action in WRITE_LOGS),
        ("ses:GetIdentityNotificationAttributes", "*"),
        ("ses:SetIdentityFeedbackForwardingEnabled", "*"),
        ("ses:SetIdentityHeadersInNotificationsEnabled", "*"),
        ("ses:SetIdentityNotificationTopic", "*"),
    },
    "Mail/Tracking/RedirectDomain/Function": {
        *((action, "<Mail/Tracking/RedirectDomain/Function/Log>") for action in WRITE_LOGS),
        ("ses:GetConfigurationSet", f"{SES_ARN}:configuration-set/mailbus-prod"),
        ("ses:PutConfigurationSetTrackingOptions", f"{SES_ARN}:configuration-set/mailbus-prod"),
    },
}

# An application that sends: docs/client.md and the errors of the client name the same.
TO_SEND: set[tuple[str, str]] = {
    *(
        (action, f"<Mail/Sending/{lane}/Queue>")
        for action in ("sqs:SendMessage", "sqs:ListQueueTags")
        for lane in ("Transactional", "Bulk")
    ),
    *(
        ("ssm:GetParameter", f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/mailbus/prod/{name}")
        for name in ("SendQueueUrl", "BulkQueueUrl")
    ),
    ("dynamodb:UpdateItem", "<State/Ledger/Table>"),
    ("s3:PutObject", "<State/Jobs/Bucket>/jobs/*"),
    ("s3:PutObject", "<State/Jobs/Bucket>/scheduled/*"),
}

# An application that reads what became of mails: docs/stacks.md and the errors of `Timeline` name the same.
TO_READ_STATUS: set[tuple[str, str]] = {
    ("ssm:GetParameter", f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/mailbus/prod/TimelineTableName"),
    ("dynamodb:BatchGetItem", "<State/Timeline/Table>"),
    ("dynamodb:Query", "<State/Timeline/Table>"),
    *(
        ("dynamodb:Query", f"<State/Timeline/Table>/index/{name}")
        for name in ("by-job", "by-recipient", "by-time")
    ),
}

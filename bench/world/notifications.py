"""SES's notifications of a shop's mail, as they are in an SQS body."""

from __future__ import annotations

import json
from typing import Any, Final

TOPIC: Final = "arn:aws:sns:eu-west-1:000000000000:mailbus-tracking"
JANE: Final = "jane@example.net"
MESSAGE_ID: Final = "0102019a9c1f0a26-5f0e7b1c-41a7-4c0a-9a55-1d3b6d0f7f11-000000"
READERS: Final = tuple(f"reader-{number}@example.net" for number in range(3))
MOMENT: Final = {"timestamp": "2026-11-22T10:01:00.417Z"}
FEEDBACK: Final = MOMENT | {"feedbackId": "0102019a9c1f1b77-7a4b9ad0-3b0f-4c59-8e0b-6f2a8f4fd1c3-000000"}
READER: Final = MOMENT | {
    "ipAddress": "192.0.2.51",
    "userAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/142.0.0.0 Safari/537.36",
}
DELIVERY: Final = MOMENT | {
    "processingTimeMillis": 812,
    "recipients": [JANE],
    "smtpResponse": "250 2.0.0 OK  1763802001 5b1f17b1804b1-47bf3aecb94si12345678 - gsmtp",
    "remoteMtaIp": "203.0.113.25",
    "reportingMTA": "b224-13.smtp-out.eu-west-1.amazonses.com",
}
BOUNCE: Final = FEEDBACK | {
    "bounceType": "Permanent",
    "bounceSubType": "General",
    "bouncedRecipients": [
        {
            "emailAddress": JANE,
            "action": "failed",
            "status": "5.1.1",
            "diagnosticCode": "smtp; 550-5.1.1 The email account that you tried to reach does not exist."
            " Please try\n550-5.1.1 double-checking the recipient's email address for typos or\n550 5.1.1"
            " unnecessary spaces.",
        }
    ],
    "reportingMTA": "dns; b224-13.smtp-out.eu-west-1.amazonses.com",
}
COMPLAINT: Final = FEEDBACK | {
    "complainedRecipients": [{"emailAddress": JANE}],
    "complaintFeedbackType": "abuse",
    "userAgent": "Yahoo!-Mail-Feedback/2.0",
    "arrivalDate": "2026-11-22T10:00:59.000Z",
}
CLICK: Final = READER | {
    "link": "https://shop.example.com/orders/1001?utm_source=mail&utm_campaign=receipts",
    "linkTags": {"position": ["footer"]},
    "isBotEvent": "Unlikely",
}
DELAY: Final = MOMENT | {
    "delayType": "MailboxFull",
    "delayedRecipients": [{"emailAddress": JANE, "status": "4.2.2", "diagnosticCode": "452 4.2.2 full"}],
    "expirationTime": "2026-11-23T10:00:00.000Z",
    "reportingMTA": "b224-13.smtp-out.eu-west-1.amazonses.com",
}


# the headers of a receipt, those that a newsletter adds, and those of a mail that was forwarded often
RECEIPT: Final = {
    "From": "Shop <orders@shop.example.com>",
    "Reply-To": "Shop <help@shop.example.com>",
    "Subject": "=?utf-8?q?Your_order_1001_is_on_its_way_=E2=9C=88?=",
    "Date": "Sun, 22 Nov 2026 10:00:00 +0000",
    "Message-ID": "<1763805600.4c0a9a551d3b@shop.example.com>",
    "MIME-Version": "1.0",
    "Content-Type": 'multipart/alternative; boundary="===============7330845974216740156=="',
    "X-Tag": "receipt",
    "X-Metadata": '{"order": 1001, "tenant": "north"}',
    "Auto-Submitted": "auto-generated",
}
NEWSLETTER: Final = RECEIPT | {
    "List-Unsubscribe": "<https://shop.example.com/unsubscribe/4c0a9a551d3b>, <mailto:leave@example.com>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "List-ID": "News of the shop <news.shop.example.com>",
    "Feedback-ID": "news-2026-47:4c0a9a551d3b:newsletter:shop",
    "Precedence": "bulk",
    "X-Mailer": "ShopMailer 4.7.1",
    "X-Campaign": "news-2026-47",
    "Received": "from mailer-1.shop.example.com (ec2-198-51-100-23.compute.amazonaws.com [198.51.100.23])"
    " by email-smtp.amazonaws.com with SMTP (SimpleEmailService-d-4WQ6J9C7C) id kNqPb3cJm0sF2dT1xVwZ"
    " for jane@example.net; Sun, 22 Nov 2026 10:00:00 +0000 (UTC)",
    "DKIM-Signature": "v=1; a=rsa-sha256; q=dns/txt; c=relaxed/simple; s=4h6qyz2m; d=shop.example.com;"
    " t=1763805600; h=From:Reply-To:Subject:Date:Message-ID:MIME-Version:Content-Type;"
    " bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=" + "Zk9fQm3L" * 43,
}
FORWARDED: Final = NEWSLETTER | {
    f"X-Forwarded-By-{hop}": f"relay-{hop}.example.org ([203.0.113.{hop}]); 22 Nov 2026 10:00:0{hop} +0000;"
    f" spf=pass smtp.mailfrom=orders@shop.example.com; dkim=pass header.d=shop.example.com; {'Zk9fQm3L' * 12}"
    for hop in range(10)
}


def mail_object(
    *recipients: str,
    headers: dict[str, str] = RECEIPT,
    message_id: str = MESSAGE_ID,
    job_id: str = "order-1001",
) -> dict[str, Any]:
    """Return the mail object of a published event."""
    shown = {"To": ", ".join(recipients)} | headers
    return {
        "timestamp": "2026-11-22T10:00:00.118Z",
        "source": shown["From"],
        "sourceArn": "arn:aws:ses:eu-west-1:000000000000:identity/shop.example.com",
        "sendingAccountId": "000000000000",
        "messageId": message_id,
        "destination": recipients,
        "headersTruncated": False,
        "headers": [{"name": name, "value": value} for name, value in shown.items()],
        "commonHeaders": {
            "from": [shown["From"]],
            "replyTo": [shown["Reply-To"]],
            "date": shown["Date"],
            "to": recipients,
            "messageId": message_id,
            "subject": "Your order 1001 is on its way ✈",
        },
        "tags": {
            "ses:source-tls-version": ["TLSv1.3"],
            "ses:operation": ["SendEmail"],
            "ses:configuration-set": ["mailbus"],
            "ses:source-ip": ["198.51.100.23"],
            "ses:from-domain": ["shop.example.com"],
            "ses:caller-identity": ["mailbus-sender"],
            "mailbus-job-id": [job_id],
            "mailbus-entry": ["0"],
        },
    }


def short_mail_object() -> dict[str, Any]:
    """Return the mail object of a notification without headers."""
    kept = ("timestamp", "source", "sourceArn", "sendingAccountId", "messageId", "destination")
    return {name: value for name, value in mail_object(JANE).items() if name in kept} | {
        "sourceIp": "198.51.100.23",
        "callerIdentity": "mailbus-sender",
    }


def notification(reported: dict[str, Any], *, topic: str = TOPIC) -> str:
    """Return the SQS body of what SES reports."""
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": "8f2c1d7e-2b1a-5d1e-9c3f-4f5a6b7c8d9e",
            "TopicArn": topic,
            "Subject": "Amazon SES Email Event Notification",
            "Message": json.dumps(reported),
            "Timestamp": "2026-11-22T10:01:00.891Z",
            "SignatureVersion": "1",
            "Signature": "dGhlIHNpZ25hdHVyZQ==" * 17,
            "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0000.pem",
            "UnsubscribeURL": f"https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={topic}",
        }
    )

from __future__ import annotations

from mailbus_local.sns.signing import string_to_sign
from tests.unit.mailbus_local.sns_messages import PUBLISHED


def test_the_string_to_sign_is_that_of_the_documentation() -> None:
    assert string_to_sign(PUBLISHED).decode() == (
        "Message\nHello world!\nMessageId\n22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\nSubject\nMy First Message\n"
        "Timestamp\n2012-05-02T00:54:06.655Z\nTopicArn\narn:aws:sns:us-west-2:123456789012:MyTopic\n"
        "Type\nNotification\n"
    )


def test_a_message_without_a_subject_is_signed_without_one() -> None:
    assert b"Subject" not in string_to_sign({k: v for k, v in PUBLISHED.items() if k != "Subject"})

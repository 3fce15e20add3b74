from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.mailbus_local.simulated_ses import SesEnvironment


def test_tenant_contact_list_and_feedback_address_are_stored_with_the_message(env: SesEnvironment) -> None:
    message_id = env.sesv2.send_email(
        FromEmailAddress="shop@example.com",
        Destination={"ToAddresses": ["alice@customer.example"]},
        Content={"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hello"}}}},
        FeedbackForwardingEmailAddress="bounces@example.com",
        ListManagementOptions={"ContactListName": "news", "TopicName": "weekly"},
        TenantName="shop-4",
    )["MessageId"]
    message = env.message(message_id)
    assert message["operation"] == "SendEmail"
    assert message["tags"] == {"ses:tenant-name": "shop-4"}
    assert message["feedback_address"] == "bounces@example.com"
    assert message["list_management"] == {"ContactListName": "news", "TopicName": "weekly"}


def test_feedback_goes_only_to_a_verified_address(env: SesEnvironment) -> None:
    code, text = env.send_error(FeedbackForwardingEmailAddress="bounces@elsewhere.example")
    assert code == "MessageRejected"
    assert "bounces@elsewhere.example" in text

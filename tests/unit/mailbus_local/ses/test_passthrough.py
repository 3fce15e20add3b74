from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.unit.mailbus_local.simulated_ses import SesEnvironment


def test_operations_that_are_not_simulated_are_answered_by_ministack(env: SesEnvironment) -> None:
    assert env.sesv2.get_email_identity(EmailIdentity="example.com")["VerifiedForSendingStatus"] is True
    with pytest.raises(ClientError) as caught:
        env.sesv2.get_email_identity(EmailIdentity="elsewhere.example")
    assert caught.value.response["Error"]["Code"] == "NotFoundException"
    assert isinstance(env.ses.list_receipt_rule_sets()["RuleSets"], list)

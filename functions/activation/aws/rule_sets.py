"""The edge to SES's receipt rule sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from mailbus.aws.sessions import error_code

if TYPE_CHECKING:
    from types_boto3_ses.client import SESClient


class ActiveRuleSet:
    """The one active receipt rule set of the account in this region."""

    def __init__(self, client: SESClient) -> None:
        self._client = client

    def name(self) -> str | None:
        """Return the name of the active set; None if none is active."""
        return self._client.describe_active_receipt_rule_set().get("Metadata", {}).get("Name")

    def activate(self, name: str) -> bool:
        """Activate a set; return False if SES has none of this name."""
        try:
            self._client.set_active_receipt_rule_set(RuleSetName=name)
        except ClientError as error:
            if error_code(error) != "RuleSetDoesNotExist":
                raise
            return False
        return True

    def deactivate(self) -> None:
        """Deactivate the active set."""
        self._client.set_active_receipt_rule_set()

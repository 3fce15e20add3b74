"""Lets a first deployment that failed be tried again: `python -m mailbus_cdk.failed_creation`.

CloudFormation cannot update a stack whose creation was rolled back. The CDK deletes such a stack and creates
it again; but it has turned on termination protection before, which then keeps it from deleting the stack of
stored data. Nothing was ever deployed with that stack.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-protect-stacks.html
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.errors import ConfigurationError
from mailbus_cdk.credentials import CONFIG, FILE
from mailbus_cdk.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
CREATION_FAILED: Final = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"})
EXIT_FAILED: Final = 2
USAGE: Final = "usage: python -m mailbus_cdk.failed_creation <stage>"


def allow_retry(stack: str, region: str) -> bool:
    """Turn off a stack's termination protection if its creation failed; return whether that was done.

    Raises `ConfigurationError` if AWS refuses.
    """
    try:
        cloudformation: Any = botocore.session.get_session().create_client(
            "cloudformation", region_name=region, config=CONFIG
        )
        (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        if found["StackStatus"] not in CREATION_FAILED or not found.get("EnableTerminationProtection"):
            return False
        cloudformation.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
    except ClientError as error:
        problem = error.response["Error"]
        if problem["Code"] == "ValidationError" and "does not exist" in problem["Message"]:
            return False
        reason = f"{problem['Code']}: {problem['Message']} (the stack {stack}, whose first deployment failed)"
        raise ConfigurationError(reason) from error
    except BotoCoreError as error:
        reason = f"{type(error).__name__}: CloudFormation cannot be asked: {error}"
        raise ConfigurationError(reason) from error
    return True


def main(arguments: Sequence[str]) -> int:
    """Let a stage's state stack be created again; what is wrong is one line on stderr and exit code 2."""
    if len(arguments) != 1:
        sys.stderr.write(f"{USAGE}\n")
        return EXIT_FAILED
    try:
        settings = Settings.load(FILE, arguments[0])
        stack = settings.stack_name("state")
        if allow_retry(stack, settings.region):
            sys.stderr.write(f"{stack}: its first deployment failed; it is deleted and created again\n")
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

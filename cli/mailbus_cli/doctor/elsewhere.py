"""What cannot be checked of a stage: SES of another account, outputs that older versions did not write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailbus_cli.doctor.verdict import Verdict, unchecked, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts


def unchecked_account(role: str) -> Verdict:
    """Return that mail is sent through SES of another account, by a role."""
    return unchecked(f"mail is sent through SES of the account of {role}")


def old_deployment(output: str) -> Verdict:
    """Return that the stage was deployed by a version without an output."""
    return warning(
        f"cannot be checked: the stage has no output {output}", fix="deploy the stage with this version"
    )


def or_none(facts: Facts, identity: str) -> Mapping[str, Any] | None:
    """Return an identity of SES; None if there is no such identity."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - takes long to load

    try:
        return facts.identity(identity)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFoundException":
            raise
        return None

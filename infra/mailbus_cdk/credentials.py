"""Checks the AWS credentials before a deployment: `python -m mailbus_cdk.credentials`.

Without them, the CDK reports that it cannot resolve an account, after it has synthesized everything.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import call_errors, sessions
from mailbus.errors import ConfigurationError, MailbusError
from mailbus_cdk.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_NO_CREDENTIALS: Final = 2
FILE: Final = "mailbus.toml"
USAGE: Final = "usage: python -m mailbus_cdk.credentials <stage>"
_FIX: Final = (
    "set AWS_PROFILE to a profile of yours (`aws configure sso` creates one, `aws sso login` renews it), or "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; `make demo` needs none"
)


def check(sts: Any) -> None:  # noqa: ANN401 - a client whose stubs are not installed
    """Raise `MailbusError` if AWS does not accept the credentials of this client of STS."""
    try:
        sts.get_caller_identity()
    except (ClientError, BotoCoreError) as error:
        code = sessions.error_code(error)
        translated = call_errors.translated(error, "sts:GetCallerIdentity")
        if not isinstance(translated, ConfigurationError):
            raise translated from error
        reason = f"{code}: AWS accepts no credentials from here: {_FIX}"
        raise ConfigurationError(reason) from error


def main(arguments: Sequence[str]) -> int:
    """Check the credentials; what is wrong is one line on stderr and exit code 2."""
    if len(arguments) != 1:
        sys.stderr.write(f"{USAGE}\n")
        return EXIT_NO_CREDENTIALS
    try:
        region = Settings.load(FILE, arguments[0]).region
        check(_sts(region))
    except MailbusError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_NO_CREDENTIALS
    return 0


def _sts(region: str) -> Any:  # noqa: ANN401 - as above
    try:
        return botocore.session.get_session().create_client(
            "sts", region_name=region, config=sessions.config(max_attempts=2)
        )
    except BotoCoreError as error:
        raise call_errors.translated(error, "sts:GetCallerIdentity") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

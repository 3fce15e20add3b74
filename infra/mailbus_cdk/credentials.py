"""Checks the AWS credentials before a deployment: `python -m mailbus_cdk.credentials`.

Without them, the CDK reports that it cannot resolve an account, after it has synthesized everything.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from mailbus.errors import ConfigurationError
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
CONFIG: Final = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})


def check(region: str) -> None:
    """Raise `ConfigurationError` if AWS does not accept the credentials of the environment."""
    try:
        sts: Any = botocore.session.get_session().create_client("sts", region_name=region, config=CONFIG)
        sts.get_caller_identity()
    except (NotConnected, HTTPClientError) as error:
        reason = f"{type(error).__name__}: AWS cannot be reached; check the network, or AWS_ENDPOINT_URL"
        raise ConfigurationError(reason) from error
    except (ClientError, BotoCoreError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        reason = f"{code}: there are no AWS credentials that AWS accepts; {_FIX}"
        raise ConfigurationError(reason) from error


def main(arguments: Sequence[str]) -> int:
    """Check the credentials; what is wrong is one line on stderr and exit code 2."""
    if len(arguments) != 1:
        sys.stderr.write(f"{USAGE}\n")
        return EXIT_NO_CREDENTIALS
    try:
        check(Settings.load(FILE, arguments[0]).region)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_NO_CREDENTIALS
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

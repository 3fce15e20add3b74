"""How clients of AWS are made: once per process, lazily, each with its own retry policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from mailbus import __version__

if TYPE_CHECKING:
    from typing import Final

CONNECT_TIMEOUT: Final = 3.0
READ_TIMEOUT: Final = 15.0
# For calls that take milliseconds, where waiting longer would use up the function's own time.
SHORT_READ_TIMEOUT: Final = 5.0


def config(
    *, max_attempts: int, max_pool_connections: int = 10, read_timeout: float = READ_TIMEOUT
) -> Config:
    """Configure a client. `max_attempts` counts the first try; 1 turns hidden retries off.

    `read_timeout` is in seconds.
    """
    return Config(
        user_agent_extra=f"mailbus/{__version__}",
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=read_timeout,
        max_pool_connections=max_pool_connections,
        retries={"total_max_attempts": max_attempts, "mode": "standard"},
    )


def session() -> boto3.Session:
    """Open the process's session; clients are made from it by their literal service name."""
    return boto3.Session()

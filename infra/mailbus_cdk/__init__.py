"""The deployment: CDK constructs and stacks.

`from mailbus_cdk import Mailbus, Settings`. `Mailbus` is loaded when it is first used, so that reading
settings does not start the CDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus_cdk.settings import Settings

if TYPE_CHECKING:
    from mailbus_cdk.mailbus import Mailbus

__all__ = ["Mailbus", "Settings"]


def __getattr__(name: str) -> object:
    """Load `Mailbus`."""
    if name != "Mailbus":
        reason = f"module 'mailbus_cdk' has no attribute {name!r}"
        raise AttributeError(reason)
    from mailbus_cdk.mailbus import Mailbus  # noqa: PLC0415 - as the module's docstring says

    return Mailbus

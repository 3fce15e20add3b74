"""Has MiniStack call a function for a message of SNS as Lambda does: asynchronously, and again if it fails.

MiniStack itself calls it once, and forgets a message at which the function fails. Lambda tries twice more,
and then sends the message where the function's configuration says:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
This module is for MiniStack's own process.
"""

from __future__ import annotations

from typing import Any

from ministack.services import lambda_svc, sns


def retry_calls_of_sns() -> None:
    """Adapt MiniStack, before it serves."""
    sns._lambda_svc = _Asynchronous()  # noqa: SLF001 - it has no public name


class _Asynchronous:
    """MiniStack's Lambda, as its SNS uses it."""

    _execute_function_with_config_scope = staticmethod(lambda_svc.invoke_async_with_retry)

    def __getattr__(self, name: str) -> Any:
        return getattr(lambda_svc, name)

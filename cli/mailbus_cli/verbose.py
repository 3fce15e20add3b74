"""`--verbose`: a line on stderr for each call of AWS, without what it sends or receives."""

from __future__ import annotations

import sys
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import boto3

_BEGAN: Final = "mailbus_began"
_NAME: Final = "mailbus_name"
_enabled: ContextVar[bool] = ContextVar("verbose", default=False)


def enable() -> None:
    """Have calls of AWS printed from now on."""
    _enabled.set(True)


def is_enabled() -> bool:
    """Return True if calls are printed."""
    return _enabled.get()


def disable() -> None:
    """Have no calls printed."""
    _enabled.set(False)


def observe(session: boto3.Session) -> None:
    """Print the calls of the clients that this session makes from now on, if that is enabled."""
    if not is_enabled():
        return
    # https://docs.aws.amazon.com/boto3/latest/guide/events.html
    session.events.register("before-call", _begin)
    session.events.register("after-call", _end)
    session.events.register("after-call-error", _fail)


def _begin(*, model: Any, context: dict[str, Any], **_rest: Any) -> None:  # noqa: ANN401 - botocore's
    context[_NAME] = f"{model.service_model.service_name}.{model.name}"
    context[_BEGAN] = time.perf_counter()


def _end(*, parsed: dict[str, Any], context: dict[str, Any], **_rest: Any) -> None:  # noqa: ANN401 - botocore's
    metadata = parsed.get("ResponseMetadata", {})
    parts = [str(metadata.get("HTTPStatusCode", "")), str(parsed.get("Error", {}).get("Code", ""))]
    if retries := metadata.get("RetryAttempts"):
        parts.append(f"after {retries} retries" if retries > 1 else "after a retry")
    _print(context, " ".join(part for part in parts if part))


def _fail(*, exception: Exception, context: dict[str, Any], **_rest: Any) -> None:  # noqa: ANN401 - botocore's
    # an exception's text may have the parameters of the call
    _print(context, type(exception).__name__)


def _print(context: dict[str, Any], outcome: str) -> None:
    milliseconds = (time.perf_counter() - context[_BEGAN]) * 1000
    sys.stderr.write(f"{context[_NAME]} {milliseconds:.0f} ms {outcome}\n")

"""Who is let in: a memory of the secret, short enough for a rotation, long enough for a flood."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

from mailbus.errors import ConfigurationError
from webhook.aws.secret import Unreadable
from webhook.credentials import matches

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools import Logger

    from webhook.aws.secret import Known, StoredSecret

# a version that is no longer valid is let in for so long at most
FRESH_SECONDS: Final = 60.0
# What does not match may be newer than what is remembered. The secret is read again for it, but not for each.
AGAIN_SECONDS: Final = 5.0
# while Secrets Manager does not answer
STALE_SECONDS: Final = 900.0


class Gate:
    """Judges credentials. Times are in seconds, of a clock that never goes back."""

    def __init__(
        self, secret: StoredSecret, log: Logger, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._secret = secret
        self._log = log
        self._clock = clock
        self._known: Known | None = None
        self._read_at = -math.inf
        self._asked_at = -math.inf
        self._trouble = ""

    def admits(self, pair: bytes) -> bool:
        """Tell whether `user:password` is valid.

        Where that cannot be told, as the secret cannot be read, or is malformed, it is a
        `ConfigurationError`: SNS tries again after a server's error, and never after a 401.
        """
        now = self._clock()
        for patience in (FRESH_SECONDS, AGAIN_SECONDS):
            if now - self._asked_at >= patience:
                self._ask(now)
            if self._known is not None and matches(pair, self._known.valid):
                return True
        if self._known is None:
            reason = (
                f"the webhook's secret cannot be read ({self._trouble}): see that {self._secret.arn} exists "
                "and that the authorizer's role may read it"
            )
            raise ConfigurationError(reason)
        for stage, reason in self._known.malformed:
            message = f"version {stage} of {self._secret.arn}: {reason}"
            raise ConfigurationError(message)
        return False

    def _ask(self, now: float) -> None:
        self._asked_at = now
        answer = self._secret.read()
        if isinstance(answer, Unreadable):
            self._trouble = answer.code
            self._log.error("secret not read", error=answer.code)
            if now - self._read_at > STALE_SECONDS:
                self._known = None
            return
        self._known, self._read_at = answer, now
        for stage, reason in answer.malformed:
            self._log.error("secret malformed", stage=stage, reason=reason)

"""Caches the webhook's secret: briefly enough for a rotation, long enough for many parallel requests."""

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

    from webhook.aws.secret import SecretVersions, StoredSecret

# A version that is no longer valid is accepted for this long at most.
FRESH_SECONDS: Final = 60.0
# Credentials that do not match may be newer than the cached ones: the secret is read again, but not more
# often.
REREAD_SECONDS: Final = 5.0
# While Secrets Manager does not answer, cached credentials are accepted for this long.
STALE_SECONDS: Final = 900.0


class CachedSecret:
    """Checks credentials against the secret. `clock` is monotonic and returns seconds."""

    def __init__(
        self, secret: StoredSecret, log: Logger, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._secret = secret
        self._log = log
        self._clock = clock
        self._versions: SecretVersions | None = None
        self._read_at = -math.inf
        self._tried_at = -math.inf
        self._error = ""

    def accepts(self, pair: bytes) -> bool:
        """Return True if `user:password` is valid.

        If the secret cannot be read or is malformed, raise `ConfigurationError`: SNS retries after a
        server's error, and never after a 401.
        """
        now = self._clock()
        for max_age in (FRESH_SECONDS, REREAD_SECONDS):
            if now - self._tried_at >= max_age:
                self._read(now)
            if self._versions is not None and matches(pair, self._versions.valid):
                return True
        if self._versions is None:
            reason = (
                f"the webhook's secret cannot be read ({self._error}): see that {self._secret.arn} exists "
                "and that the authorizer's role may read it"
            )
            raise ConfigurationError(reason)
        for stage, reason in self._versions.malformed:
            message = f"version {stage} of {self._secret.arn}: {reason}"
            raise ConfigurationError(message)
        return False

    def _read(self, now: float) -> None:
        self._tried_at = now
        answer = self._secret.read()
        if isinstance(answer, Unreadable):
            self._error = answer.code
            self._log.error("secret not readable", error=answer.code)
            if now - self._read_at > STALE_SECONDS:
                self._versions = None
            return
        self._versions, self._read_at = answer, now
        for stage, reason in answer.malformed:
            self._log.error("secret malformed", stage=stage, reason=reason)

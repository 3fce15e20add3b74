"""Anymail's signals `pre_send` and `post_send`, as its own backends send them.

https://anymail.dev/en/stable/sending/signals/. Whoever receives them has imported `anymail.signals`: where
that is not loaded, there is no receiver, and Anymail need not be installed.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Final

    from django.core.mail import EmailMessage
    from django.core.mail.backends.base import BaseEmailBackend

#: As in events: receivers compare it.
ESP_NAME: Final = "Amazon SES"


def send_pre_send(backend: type[BaseEmailBackend], message: EmailMessage) -> bool:
    """Send `pre_send`; return False if a receiver cancels the message. Raises what a receiver raises."""
    signals = _signals()
    if signals is None:
        return True
    import anymail.exceptions  # type: ignore[import-untyped] # noqa: PLC0415 - it is there, and loaded

    try:
        signals.pre_send.send(backend, message=message, esp_name=ESP_NAME)
    except anymail.exceptions.AnymailCancelSend:
        return False
    return True


def send_post_send(
    backend: type[BaseEmailBackend], message: EmailMessage, status: object
) -> Exception | None:
    """Send `post_send` to all receivers; return the first error of one."""
    signals = _signals()
    if signals is None:
        return None
    answers = signals.post_send.send_robust(backend, message=message, status=status, esp_name=ESP_NAME)
    return next((answer for _, answer in answers if isinstance(answer, Exception)), None)


def _signals() -> Any:  # noqa: ANN401 - a module that may not be installed
    return sys.modules.get("anymail.signals")

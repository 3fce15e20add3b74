"""Receives the mail in a file with django-anymail, in a process of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from anymail.webhooks.amazon_ses import (  # type: ignore[import-untyped] # it has no types
    AmazonSESInboundWebhookView,
)

from bench.support import anymail_settings, fresh_process
from bench.support.received_mail import ENVELOPE, FileS3

if TYPE_CHECKING:
    from collections.abc import Callable


def reading(path: Path) -> Callable[[], object]:
    """Return the work; it ends the process if anything was not read."""
    anymail_settings.configure()

    class View(AmazonSESInboundWebhookView):  # type: ignore[misc] # it has no types
        def get_boto_client(self, *_: object) -> FileS3:
            return FileS3(path)

    view = View()

    def work() -> None:
        (event,) = view.esp_to_anymail_events(json.loads(ENVELOPE["Message"]), ENVELOPE)
        message = event.message
        read = all((message.from_email, message.to, message.subject, message.date, message.items()))
        parts = [*message.attachments, *message.inlines]
        sizes = [len(part.get_content_bytes()) for part in parts]
        if not read or not message.text or message.html or sum(sizes) < path.stat().st_size // 2:
            sys.exit("the mail was not read, so there is nothing to compare")

    return work


if __name__ == "__main__":
    fresh_process.report(reading(Path(sys.argv[1])))

"""The jobs that are simulated: small, and all alike."""

from __future__ import annotations

import functools
import json
from typing import Final

#: The only recipient, or the first.
RECIPIENT: Final = "jane+0@example.net"


@functools.cache
def body(recipients: int) -> str:
    """Return a job with so many recipients. It has no id: that of its message is taken instead."""
    return json.dumps(
        {
            "from_email": "Shop <shop@example.com>",
            "to": [f"jane+{number}@example.net" for number in range(recipients)],
            "subject": "Your order",
            "text": "Thank you for your order 1001.",
        }
    )

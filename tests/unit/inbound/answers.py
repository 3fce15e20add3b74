"""Mails that answer, or begin, a conversation with a shop."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from inbound.handler import process
from tests.unit.inbound.world import World, received, record

HEAD = "From: Ada <ada@example.org>\nTo: support@inbound.example.com\nMessage-ID: <3@example.org>\n"

REPLY = "Subject: Re: Your order\nIn-Reply-To: <2@example.com>\nReferences: <1@example.com> <2@example.com>\n"

FIRST = "Subject: My order\n"

QUOTE = "> Shall we send it again?\n>\n> Your shop\n"

SHOP = "Shop <support@inbound.example.com>"

OUTLOOK = f"From: {SHOP}\nSent: Monday, November 2, 2026 10:00 AM\nTo: Ada\nSubject: Your order\n\n"

GMAIL = f"On Tue, Nov 17, 2026 at 4:40 PM {SHOP} wrote:\n\n> Please send us the headers.\n"


def message(text: str, header: str = REPLY) -> dict[str, Any]:
    """The event's message of a mail with this text."""
    raw = f"{HEAD}{header}Content-Type: text/plain; charset=utf-8\n\n{text}"
    world = World(raw.encode())
    assert process([record(received())], world.wiring) == ()
    found: dict[str, Any] = world.detail["message"]
    return found


def stripped(text: str, header: str = REPLY) -> str | None:
    own: str | None = message(text, header)["stripped_text"]
    return own


_PIECES = st.sampled_from(
    [
        "\n",
        "\n\n",
        "> ",
        ">",
        "-- \n",
        "Yes.",
        "wrote:",
        "On Mon, 2 Nov 2026, Shop wrote:\n",
        "From: a\n",
        "Sent: b\n",
        "-----END PGP MESSAGE-----\n",
        "-----Original Message-----\n",
        "________________________________\n",
        OUTLOOK,
    ]
)


TEXTS = st.lists(_PIECES | st.text(max_size=5), max_size=30).map("".join)
TEXTS = TEXTS.map(lambda text: text.encode("utf-8", "replace").decode())
ADDRESSED = ["support@inbound.example.com"]

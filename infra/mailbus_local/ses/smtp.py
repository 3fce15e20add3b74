"""The SMTP door of the receiving side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiosmtpd.smtp import SMTP

from mailbus_local.ses.receiving import MAX_MAIL_BYTES, TRY_LATER, UNKNOWN_RECIPIENT
from mailbus_local.ses.refusals import InvalidControl, NotReceived, Refusal

if TYPE_CHECKING:
    import asyncio

    from aiosmtpd.smtp import Envelope, Session

    from mailbus_local.ses.receiving import Receiver

HOSTNAME: Final = "inbound-smtp.amazonaws.com"
LONGEST_LINE: Final = 64 * 1024
OK: Final = "250 OK"


class Door:
    """The handler that aiosmtpd calls; its method names are aiosmtpd's."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,  # noqa: ARG002 - aiosmtpd's parameter
        session: Session,  # noqa: ARG002 - aiosmtpd's parameter
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],  # noqa: ARG002 - aiosmtpd's parameter
    ) -> str:
        """Take a recipient for whom there is a rule."""
        try:
            accepted = await self._receiver.accepts(address)
        except Refusal:
            return TRY_LATER
        if not accepted:
            return UNKNOWN_RECIPIENT
        envelope.rcpt_tos.append(address)
        return OK

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,  # noqa: ARG002 - aiosmtpd's parameter
        session: Session,
        envelope: Envelope,
    ) -> str:
        """Take the mail, or answer as the rules say."""
        content = envelope.content
        raw = content.encode() if isinstance(content, str) else content or b""
        recipients = tuple(envelope.rcpt_tos)
        peer = session.peer[0] if session.peer else "127.0.0.1"
        try:
            received = await self._receiver.receive(envelope.mail_from or "", recipients, raw, peer)
        except NotReceived as refusal:
            return refusal.smtp
        except InvalidControl as refusal:
            return f"554 5.3.0 {refusal.reason}"
        except Refusal:
            return TRY_LATER
        return f"{OK} {received.message_id}"


class Conversation(SMTP):
    """One connection; it can be cut when the simulator ends."""

    # mail with longer lines than RFC 5321 allows exists, and SES takes it
    line_length_limit = LONGEST_LINE

    def __init__(self, handler: Door, open_ones: set[Conversation], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(handler, data_size_limit=MAX_MAIL_BYTES, hostname=HOSTNAME, loop=loop)
        self._open_ones = open_ones

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the connection."""
        self._open_ones.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the connection."""
        self._open_ones.discard(self)
        super().connection_lost(error)

    def cut(self) -> None:
        """End the connection at once."""
        if self.transport is not None:
            self.transport.close()

"""The SMTP server for incoming mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiosmtpd.smtp import SMTP

from mailbus_local.ses.errors import InvalidControlRequest, MailRejected, SesError
from mailbus_local.ses.receiving.receiver import (
    MAX_MAIL_BYTES,
    TRY_LATER,
    UNKNOWN_RECIPIENT,
    Receiver,
    Transaction,
)

if TYPE_CHECKING:
    import asyncio

    from aiosmtpd.smtp import Envelope, Session


HOSTNAME: Final = "inbound-smtp.amazonaws.com"
LONGEST_LINE: Final = 64 * 1024
OK: Final = "250 OK"


class SmtpHandler:
    """The handler that aiosmtpd calls, with aiosmtpd's method names."""

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
        """Accept a recipient that a rule matches."""
        try:
            accepted = await self._receiver.accepts(address)
        except SesError:
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
        """Receive the mail. Return the SMTP reply."""
        content = envelope.content
        raw = content.encode() if isinstance(content, str) else content or b""
        transaction = Transaction(
            mail_from=envelope.mail_from or "",
            recipients=tuple(envelope.rcpt_tos),
            peer=session.peer[0] if session.peer else "127.0.0.1",
        )
        try:
            received = await self._receiver.receive(transaction, raw)
        except MailRejected as error:
            return error.smtp
        except InvalidControlRequest as error:
            return f"554 5.3.0 {error.reason}"
        except SesError:
            return TRY_LATER
        return f"{OK} {received.message_id}"


class SmtpConnection(SMTP):
    """One connection, which is closed when the simulator stops."""

    # SES accepts mail with longer lines than RFC 5321 allows.
    line_length_limit = LONGEST_LINE

    def __init__(
        self, handler: SmtpHandler, connections: set[SmtpConnection], loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(handler, data_size_limit=MAX_MAIL_BYTES, hostname=HOSTNAME, loop=loop)
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection."""
        self._connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Unregister the connection."""
        self._connections.discard(self)
        super().connection_lost(error)

    def close_now(self) -> None:
        """Close the connection immediately."""
        if self.transport is not None:
            self.transport.close()

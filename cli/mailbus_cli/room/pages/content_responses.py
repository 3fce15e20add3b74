"""Answers with mail content: the document of the frame, and files to save."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import HTMLResponse, Response

from mailbus_cli.room.content import mail as mail_content
from mailbus_cli.room.content.frame import POLICY, document
from mailbus_cli.room.content.names import content_disposition

if TYPE_CHECKING:
    from mailbus_cli.room.content.mail import Content

_NOTHING: Final = "<p>This mail has no HTML.</p>"


def frame(content: Content, raw: bytes) -> Response:
    """Return the document that shows a mail's HTML, with its own policy."""
    pictures = mail_content.pictures(raw) if "cid:" in (content.html or "").lower() else {}
    return HTMLResponse(
        document(content.html or _NOTHING, pictures).encode("utf-8", "replace"),
        headers={"Content-Security-Policy": POLICY, "X-DNS-Prefetch-Control": "off"},
    )


def download(name: str, content: bytes) -> Response:
    """Return a file to be saved, and never shown."""
    return Response(
        content,
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": content_disposition(name),
            "Content-Security-Policy": "sandbox; default-src 'none'",
        },
    )


def not_here() -> Response:
    """Return the answer for a mail or a file that does not exist, or not any more."""
    return Response("This is not here any more.", 404, media_type="text/plain")

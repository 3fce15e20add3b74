"""The mail room as an application: its pages, its files, and who may use it."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from mailbus_cli.room import error_pages, pages
from mailbus_cli.room.live import Live
from mailbus_cli.room.security import Security

if TYPE_CHECKING:
    from starlette.requests import Request

    from mailbus_cli.room.room import Room

HERE: Final = Path(__file__).parent


def application(room: Room, host: str) -> Starlette:
    """Return the application that answers at `host`, such as `127.0.0.1:8025`: a module of `pages` a page."""
    found: list[Any] = []
    names: set[str] = set()
    for module in pkgutil.iter_modules(pages.__path__):
        page = importlib.import_module(f"{pages.__name__}.{module.name}")
        # a page that this deployment does not have, such as the tools of the laptop, has no routes
        if hasattr(page, "routes") and (routes := page.routes(room)):
            found += routes
            names.add(module.name.replace("_", "-"))
    app = Starlette(
        routes=[Route("/", _home), *found, Mount("/static", StaticFiles(directory=HERE / "static"))],
        middleware=[Middleware(Security, room=room, host=host)],
        exception_handlers=error_pages.handlers(),
    )
    app.state.room = room
    app.state.live = Live(room)
    app.state.pages = names
    return app


def _home(_request: Request) -> Response:
    return RedirectResponse("/sent", status_code=303)

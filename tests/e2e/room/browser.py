"""The browser of the mail room's tests: the system's Chromium, and pages that report what goes wrong."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final, Literal

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from playwright.sync_api import (
        Browser,
        BrowserContext,
        ConsoleMessage,
        Page,
        Playwright,
        Request,
        ViewportSize,
    )

Scheme = Literal["light", "dark"]

# the shell without windows does the same for a third of the processor time
CHROMIUM: Final = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "/usr/bin/chromium",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
ARGUMENTS: Final = (
    # containers have no user namespaces, and their root cannot use the sandbox; the pages are our own
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP: Final[ViewportSize] = {"width": 1360, "height": 850}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
# Only against hanging: a busy machine has the time it needs.
LIMIT_MS: Final = 60_000
WCAG: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
_OWN_SCHEMES: Final = ("data:", "blob:", "about:")


def chromium() -> str | None:
    """Return the path of a Chromium that is installed, if one is."""
    return next((path for name in CHROMIUM if (path := shutil.which(name))), None)


def required() -> bool:
    """Return True where these tests may not be skipped."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


def launch(playwright: Playwright, path: str) -> Browser:
    return playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))


class Visit:
    """Pages of the mail room in one browser context, which is as fresh as that of a first visit.

    `errors` has what went wrong in them: errors in the console, which breaches of the page's content
    security policy are too, exceptions of scripts, and requests to anything but the room.
    """

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self._context = context
        self._origin = origin
        self._expected: list[str] = []
        self._errors: list[str] = []
        context.set_default_timeout(LIMIT_MS)
        context.on("console", self._console)
        context.on("weberror", lambda error: self._errors.append(f"exception: {error.error}"))
        context.on("request", self._request)

    @property
    def errors(self) -> list[str]:
        return [error for error in self._errors if not any(text in error for text in self._expected)]

    def expect(self, *texts: str) -> None:
        """Let errors pass that contain one of these texts, as a refusal that the test asks for."""
        self._expected += texts

    def open(self, path: str = "/") -> Page:
        """Return a new page at a path of the room."""
        page = self._context.new_page()
        page.goto(f"{self._origin}{path}")
        return page

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._errors.append(f"console: {message.text} ({message.location['url']})")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self._origin}/", *_OWN_SCHEMES)):
            self._errors.append(f"request beyond the room: {request.url}")


def assert_accessible(
    page: Page, context: Sequence[str] | None = None, *, rules: Sequence[str] = WCAG
) -> None:
    """Check a page, or the parts of it that selectors name, by axe-core: WCAG 2.2, levels A and AA.

    `rules` are rules, or tags of rules.
    """
    script = "0" if page.evaluate("'axe' in window") else AXE_SCRIPT
    found = Axe(script).run(
        page,
        context=list(context) if context else None,
        options={"runOnly": list(rules), "resultTypes": ["violations"]},
    )
    violations: list[dict[str, Any]] = found.response["violations"]
    assert not violations, "\n".join(
        f"{violation['id']}: {violation['help']}\n"
        + "\n".join(f"  {node['target']}: {node['html'][:200]}" for node in violation["nodes"])
        for violation in violations
    )

"""The mail room over the deployed stacks, and a browser in front of it."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from playwright.sync_api import expect, sync_playwright

from mailbus_cli.deployment import Deployment, find
from mailbus_cli.room.room import Room
from mailbus_cli.room.server import Server
from tests.e2e.room.browser import DESKTOP, LIMIT_MS, Visit, chromium, launch, required

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.e2e.local import Local


@pytest.fixture(scope="session")
def deployment(local: Local) -> Deployment:
    return find(local=True, stage=None, directory=Path(local.variables["XDG_STATE_HOME"]).parent)


@pytest.fixture(scope="session")
def room(deployment: Deployment) -> Room:
    return Room(deployment, may_write=True)


@contextmanager
def served(room: Room) -> Iterator[str]:
    """Serve a room as `mailbus room` does; yield its address."""
    with Server(room) as server:
        yield server.origin


@contextmanager
def visited(browser: Browser, room: Room, origin: str) -> Iterator[Visit]:
    """Yield a first visit of a room; whatever goes wrong in its pages fails the test."""
    context = browser.new_context(viewport=DESKTOP)
    context.request.get(f"{origin}/?token={room.token}", max_redirects=0)
    visit = Visit(context, origin)
    yield visit
    context.close()
    assert visit.errors == []


@pytest.fixture(scope="session")
def origin(room: Room) -> Iterator[str]:
    with served(room) as origin:
        yield origin


@pytest.fixture(scope="session")
def account_room(deployment: Deployment, local: Local) -> Room:
    """Return the room of a stage `prod` in an account, which is the same embedded AWS without its laptop."""
    outputs = local.outputs
    session = boto3.Session("test", "test", region_name=outputs["region"])
    endpoints = {"": outputs["endpoint_url"], "sesv2": outputs["ses_endpoint_url"]}
    account = Deployment(stage="prod", session=session, outputs=deployment.outputs, endpoints=endpoints)
    return Room(account, may_write=False)


@pytest.fixture(scope="session")
def account_origin(account_room: Room) -> Iterator[str]:
    with served(account_room) as origin:
        yield origin


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        assert not required(), "these tests need Chromium"
        pytest.skip("no Chromium is installed")
    # a busy machine has the time it needs
    expect.set_options(timeout=LIMIT_MS)
    with sync_playwright() as playwright:
        browser = launch(playwright, path)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, room: Room, origin: str) -> Iterator[Visit]:
    with visited(browser, room, origin) as visit:
        yield visit


@pytest.fixture
def account_visit(browser: Browser, account_room: Room, account_origin: str) -> Iterator[Visit]:
    with visited(browser, account_room, account_origin) as visit:
        yield visit

"""pytest's fixtures for the tests of applications: `mailbus_system`, the whole system on this machine.

pytest loads this module in every run in an environment that has Mailbus, so it imports nothing of it until a
fixture is used.
"""

from __future__ import annotations

import contextlib
import importlib.util
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mailbus_local.testing import MailbusSystem

# what the extra `local` brings, by its modules
_EXTRA: Final = ("aiosmtpd", "aws_cdk", "httpx", "ministack", "starlette", "uvicorn")


@pytest.fixture(scope="session")
def mailbus_session(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MailbusSystem]:
    """Start the whole system once for the session; with xdist once for each worker that uses it.

    For fixtures with a scope of their own. Tests use `mailbus_system`.
    """
    missing = [name for name in _EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        pytest.fail(
            "mailbus_system needs Mailbus's extra `local`: install mailbus[local] from where this mailbus "
            f"came from (missing: {', '.join(missing)})",
            pytrace=False,
        )
    from mailbus_local.testing import SystemFailed, running  # noqa: PLC0415 - see above

    directory = tmp_path_factory.mktemp("mailbus")
    try:
        with running(
            directory, project=request.config.rootpath, progress=_terminal(request.config)
        ) as system:
            yield system
    except SystemFailed as error:
        pytest.fail(str(error), pytrace=False)
    _fail_if_denied(system)


@pytest.fixture
def mailbus_system(mailbus_session: MailbusSystem) -> Iterator[MailbusSystem]:
    """Return the system, without mail, events and faults of earlier tests, and set AWS's variables for it."""
    with mailbus_session.activated():
        mailbus_session.clear()
        yield mailbus_session
    _fail_if_denied(mailbus_session)


def _fail_if_denied(system: MailbusSystem) -> None:
    """Fail with the calls that no policy allowed, such as those of a role that lacks a right."""
    if denied := system.denials():
        lines = "".join(f"\n  {denial}" for denial in denied)
        pytest.fail(f"mailbus_system: no policy allows this:{lines}", pytrace=False)


def _terminal(config: pytest.Config) -> Callable[[str], None]:
    """Return a function that prints a line at once, although pytest captures what tests print."""
    # a worker of pytest-xdist has no terminal
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")

    def print_line(line: str) -> None:
        if terminal is None:
            return
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            terminal.write_line(f"mailbus_system: {line}")

    return print_line

"""One deployed system for all tests of a process; each test finds its own events by job or message id."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mailbus_local.subscriber import Subscriber
from tests.e2e.commands import Commands
from tests.e2e.local import Local, processes_below, running
from tests.e2e.rights import Rights, findings, of_system
from tests.e2e.system import System

if TYPE_CHECKING:
    from collections.abc import Iterator

# Where tests run in several processes, each file runs in one, and these first, since they take longest.
LONGEST = (
    "e2e/test_upgrade.py",
    "e2e/test_runbook.py",
    "installed/test_local.py",
    "installed/test_djangos_own_tests.py",
    "installed/test_cdk_app.py",
    "e2e/test_dead_letters_command.py",
    "e2e/test_waiting.py",
    "installed/test_django_shop.py",
    "e2e/test_faults.py",
    "e2e/test_variants.py",
    "e2e/test_pauses.py",
    "e2e/room/test_accessibility.py",
    "installed/test_django.py",
    "e2e/room/test_sent.py",
    "e2e/test_guard.py",
    "e2e/test_doubt.py",
    "installed/test_stages.py",
    "e2e/test_local.py",
    "e2e/test_dashboard.py",
    "installed/test_pytest_plugin.py",
    "e2e/room/test_live.py",
    "e2e/test_merging.py",
    "e2e/test_first_deployment.py",
    "e2e/test_roles.py",
    "e2e/test_sending.py",
    "e2e/test_doctor.py",
    "e2e/test_demo.py",
    "e2e/test_scheduling.py",
    "e2e/test_status_and_tail.py",
    "e2e/room/test_tools.py",
    "e2e/test_commands.py",
    "e2e/room/test_mail.py",
    "e2e/room/test_overview.py",
    "e2e/room/test_hostile_mail.py",
    "e2e/test_command_pages.py",
    "e2e/room/test_dead_letters.py",
    "e2e/test_notifications.py",
    "e2e/test_job_fields.py",
    "e2e/test_examples.py",
    "e2e/room/test_received.py",
    "e2e/test_lanes.py",
    "installed/test_extras.py",
    "e2e/test_replay.py",
)
TESTS = Path(__file__).parents[1]
# of the processes' systems, by the name in what a process gives back
RIGHTS = "mailbus-rights"
USED = pytest.StashKey[Rights]()
ACCOUNT_LIMITS = (
    "max_send_rate",
    "max_24_hour_send",
    "sending_enabled",
    "production_access",
    "latency_ms",
    "limit_bulk_calls",
    "enforcement_status",
    "pricing_plan",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {TESTS / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--unused-rights",
        action="store_true",
        help="fail if a right of a function's role was never used: for a run of all of tests/e2e",
    )


def pytest_testnodedown(node: Any) -> None:
    """Collect what the roles of a process's system used."""
    if RIGHTS in node.workeroutput:
        found = msgspec.msgpack.decode(node.workeroutput[RIGHTS], type=Rights)
        node.config.stash[USED] = node.config.stash.get(USED, Rights()) | found


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    if hasattr(config, "workeroutput") or not config.getoption("--unused-rights") or exitstatus > 1:
        return
    if found := findings(config.stash.get(USED, Rights())):
        for line in found:
            sys.stdout.write(f"\n{line}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def local(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """Start `mailbus local`; in the end it has to stop everything that it started."""
    directory = tmp_path_factory.mktemp("local")
    with running(directory) as local:
        outputs = local.outputs
        yield local
        rights = of_system(local, directory)
        if hasattr(request.config, "workeroutput"):
            request.config.workeroutput[RIGHTS] = msgspec.msgpack.encode(rights)
        else:
            request.config.stash[USED] = rights
    urls = [outputs[name] for name in ("endpoint_url", "ses_endpoint_url", "sns_endpoint_url")]
    ports = [*(int(url.rsplit(":", 1)[1]) for url in urls), outputs["smtp_port"]]
    assert not [port for port in ports if _listens(port)]
    assert not (directory / "outputs.json").exists()
    assert processes_below(directory) == []


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def commands(local: Local, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    return Commands(local, tmp_path_factory.mktemp("commands"))


@pytest.fixture(scope="session")
def system(local: Local) -> Iterator[System]:
    with Subscriber(local, "journeys") as subscriber:
        system = System(local, subscriber)
        yield system
        system.close()


@pytest.fixture(autouse=True)
def _faults_and_limits_end_with_their_test(request: pytest.FixtureRequest) -> Iterator[None]:
    if "system" not in request.fixturenames:
        yield
        return
    system: System = request.getfixturevalue("system")
    before = system.account()
    yield
    system.simulator.delete("faults").raise_for_status()
    now = system.account()
    if changed := {name: before[name] for name in ACCOUNT_LIMITS if before[name] != now[name]}:
        system.change_account(**changed)

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from mailbus_local.ministack import MiniStack
from mailbus_local.ports import free_port
from mailbus_local.ses.server import SimulatedSes, SimulatorSettings
from tests.unit.mailbus_local.http_subscriber import HttpSubscriber
from tests.unit.mailbus_local.simulated_ses import (
    ACCOUNT,
    REGION,
    InboundEnvironment,
    SesClients,
    SesEnvironment,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a MiniStack."""
    scratch = tmp_path_factory.mktemp("ministack")
    process = MiniStack(
        port=free_port(), log=scratch / "ministack.log", scratch=scratch, function_environment={}
    )
    process.start()
    try:
        process.wait()
        yield process.url
    finally:
        process.stop()


@pytest.fixture(scope="session")
def clients(ministack: str) -> Iterator[SesClients]:
    simulator = SimulatedSes(SimulatorSettings(upstream_url=ministack, region=REGION, account_id=ACCOUNT))
    simulator.start()
    clients = SesClients(simulator, ministack)
    clients.sesv2.create_email_identity(EmailIdentity="example.com")
    yield clients
    clients.close()
    simulator.stop()


@pytest.fixture
def env(clients: SesClients) -> SesEnvironment:
    """The simulator with its defaults."""
    environment = SesEnvironment(clients)
    environment.reset()
    return environment


@pytest.fixture
def inbound(env: SesEnvironment) -> Iterator[InboundEnvironment]:
    """The simulator with an active receipt rule set."""
    yield InboundEnvironment(env)
    env.ses.set_active_receipt_rule_set()


@pytest.fixture
def domain(env: SesEnvironment) -> str:
    """An identity that no other test changes."""
    name = f"{uuid.uuid4().hex}.example.org"
    env.sesv2.create_email_identity(EmailIdentity=name)
    return name


@pytest.fixture
def subscriber() -> Iterator[HttpSubscriber]:
    """A subscriber over HTTP."""
    subscriber = HttpSubscriber()
    yield subscriber
    subscriber.close()

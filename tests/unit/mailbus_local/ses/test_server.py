from __future__ import annotations

import pytest

from mailbus_local.ses.server import SimulatedSes, SimulatorSettings
from tests.unit.mailbus_local.simulated_ses import SesClients, SesEnvironment


def test_it_starts_and_stops_without_ministack() -> None:
    simulator = SimulatedSes(
        SimulatorSettings(upstream_url="http://127.0.0.1:9", region="eu-west-1", account_id="000000000000")
    )
    simulator.start()
    try:
        assert simulator.url == f"http://127.0.0.1:{simulator.port}"
        assert simulator.smtp_port not in {0, simulator.port}
    finally:
        simulator.stop()


def test_a_port_in_use_is_an_error_at_once(env: SesEnvironment) -> None:
    taken = SimulatedSes(
        SimulatorSettings(
            upstream_url="http://127.0.0.1:9",
            region="eu-west-1",
            account_id="000000000000",
            port=env.simulator.port,
        )
    )
    with pytest.raises(OSError, match="in use"):
        taken.start()
    taken.stop()


def test_stopping_publishes_the_queued_events(env: SesEnvironment, ministack: str) -> None:
    env.publish_events("SEND", "DELIVERY")
    second = SimulatedSes(
        SimulatorSettings(upstream_url=ministack, region="us-east-1", account_id="000000000000")
    )
    second.start()
    clients = SesClients(second, ministack)
    other = SesEnvironment(clients)
    other.configuration_set = env.configuration_set
    for _ in range(20):
        other.send("alice@customer.example")
    clients.close()
    second.stop()
    assert len(env.events(40)) == 40

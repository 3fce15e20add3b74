from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.mailbus_local.simulated_ses import SesEnvironment


def test_a_body_that_is_not_json_is_a_serialization_error(env: SesEnvironment) -> None:
    response = env.http.post(f"{env.simulator.url}/v2/email/outbound-emails", content=b"{")
    assert (response.status_code, response.headers["x-amzn-errortype"]) == (400, "SerializationException")

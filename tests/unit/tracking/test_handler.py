from __future__ import annotations

from typing import Any

import pytest

from mailbus.errors import ConfigurationError
from tests.unit.fakes.lambda_context import FakeLambdaContext
from tests.unit.tracking.world import World
from tracking import handler


def test_an_invocation_that_is_not_from_a_queue_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "wire", lambda _: World().within)
    with pytest.raises(ConfigurationError):
        handler.lambda_handler({"Records": [{"EventSource": "aws:sns", "Sns": {}}]}, FakeLambdaContext(30.0))  # type: ignore[arg-type] # as Lambda's


def test_the_function_takes_its_time_from_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []
    world = World()

    def within(seconds: float) -> Any:
        given.append(seconds)
        return world.within(seconds)

    monkeypatch.setattr(handler, "wire", lambda _: within)
    assert handler.lambda_handler({"Records": []}, FakeLambdaContext(29.5)) == {"batchItemFailures": []}  # type: ignore[arg-type] # as Lambda's
    assert given == [29.5]

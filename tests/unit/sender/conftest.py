from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailbus.environment import to_environment
from sender.wiring import wire
from tests.unit.sender.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Configure the function as its deployment does."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    for name, value in to_environment(SETTINGS).items():
        monkeypatch.setenv(name, value)
    wire.cache_clear()
    yield
    wire.cache_clear()

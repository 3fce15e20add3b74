from __future__ import annotations

import pytest

from mailbus.django.backend import _process_client
from tests.unit.mailbus.django.mail import Mail


@pytest.fixture
def django(monkeypatch: pytest.MonkeyPatch) -> Mail:
    # as a process of its own
    _process_client.cache_clear()
    return Mail(monkeypatch)

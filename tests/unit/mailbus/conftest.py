from __future__ import annotations

import pytest

from tests.unit.mailbus.deployment import Deployment


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()

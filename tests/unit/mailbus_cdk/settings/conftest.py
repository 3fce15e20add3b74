from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.mailbus_cdk.settings.stage_file import FILE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def stage_file(tmp_path: Path) -> Path:
    path = tmp_path / "mailbus.toml"
    path.write_text(FILE)
    return path

"""docs/monitoring.md is made of the metrics and of the templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.architecture.source_tree import ROOT
from tests.infra.monitoring_page import NAME, page

if TYPE_CHECKING:
    from tests.infra.templates import Templates


def test_the_page_is_up_to_date(local: Templates) -> None:
    assert page(local) == (ROOT / "docs" / NAME).read_text(), "make goldens"

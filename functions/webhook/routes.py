"""The paths of the API's resources to which SNS posts."""

from __future__ import annotations

from typing import Final

TRACKING: Final = "/tracking"
INBOUND: Final = "/inbound"
ROUTES: Final = (TRACKING, INBOUND)

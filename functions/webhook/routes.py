"""The paths that SNS posts to, as the API's resources name them."""

from __future__ import annotations

from typing import Final

TRACKING: Final = "/tracking"
INBOUND: Final = "/inbound"
ROUTES: Final = (TRACKING, INBOUND)

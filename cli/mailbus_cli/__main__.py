"""`python -m mailbus_cli` is `mailbus`."""

from __future__ import annotations

import sys

from mailbus_cli.main import main

if __name__ == "__main__":
    sys.exit(main())

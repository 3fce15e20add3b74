"""Keeps the garbage collector off while a function's modules are imported: it takes a tenth of a start.

A handler imports this before anything else, and calls `imported` after its last import.
"""

from __future__ import annotations

import gc

gc.disable()


def imported() -> None:
    """Turn the collector on again; what has been imported stays for good, and is never searched."""
    gc.freeze()
    gc.enable()

"""Imports the package of the inbound function: the room reads mail by the parser that makes the events.

In a checkout it is on the path. In the wheel it is data of `mailbus_cdk`, since its name is too common to be
a package of somebody else's environment; it is loaded from there, and nothing is added to the path.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from mailbus_cdk import sources

if TYPE_CHECKING:
    from types import ModuleType

PACKAGE: Final = "inbound"
_LOCK: Final = threading.Lock()


def module(name: str) -> Any:  # noqa: ANN401 - a module, whose names a type checker does not know here
    """Return a module of the package, such as `mime`."""
    with _LOCK:
        if PACKAGE not in sys.modules:
            sys.modules[PACKAGE] = _load()
        return importlib.import_module(f"{PACKAGE}.{name}")


def _load() -> ModuleType:
    folder = sources.find().functions / PACKAGE
    spec = importlib.util.spec_from_file_location(
        PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        reason = f"{folder} is missing: install mailbus again"
        raise ImportError(reason)
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)
    return package

"""Every module of the wheel is importable with the extra that it belongs to, and with nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.installed.interpreters import NEWEST, PYTHONS

if TYPE_CHECKING:
    from tests.installed.environments import Installer

IMPORT_ALL = """
import importlib, pkgutil, sys
names = sys.argv[1:]
for package in names[:]:
    found = importlib.import_module(package)
    walked = pkgutil.walk_packages(found.__path__, f"{package}.")
    names += [module.name for module in walked if not module.name.endswith((".__main__", ".pytest_plugin"))]
for name in names:
    importlib.import_module(name)
print(len(names))
"""

# the packages of each extra; modules of `mailbus` that only run in a function are not of any
PACKAGES = {
    "cli": ("mailbus_cli",),
    "cdk": ("mailbus_cdk",),
    "local": ("mailbus_cdk", "mailbus_cli", "mailbus_local"),
}


# other tests use `cdk` and `local` on the other interpreters
@pytest.mark.parametrize(
    ("python", "extra"), [*((python, "cli") for python in PYTHONS), (NEWEST, "cdk"), (NEWEST, "local")]
)
def test_every_module_is_importable_with_its_extra_alone(python: str, extra: str, install: Installer) -> None:
    environment = install(python, f"mailbus[{extra}]")
    imported = environment.run("-W", "error::SyntaxWarning", "-c", IMPORT_ALL, *PACKAGES[extra])
    assert int(imported.stdout) > 2


def test_the_client_and_its_events_need_no_extra(install: Installer) -> None:
    environment = install(NEWEST, "mailbus", lock="runtime")
    environment.run("-c", IMPORT_ALL, "mailbus.events", "mailbus.jobs", "mailbus.schemas")

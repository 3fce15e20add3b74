"""The modules of this repository and what they import, read from the sources."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FUNCTIONS = ROOT / "functions"
INFRA = ROOT / "infra"
CLI = ROOT / "cli"


def modules(root: Path, base: Path) -> dict[str, Path]:
    """Return every module below `root`, by its dotted name."""
    named = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(base).with_suffix("").parts
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def top(name: str) -> str:
    return name.partition(".")[0]


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def is_for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and dotted(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def imports(node: ast.AST, *, at_run_time: bool = False) -> Iterator[str]:
    """Return what is imported anywhere below, as `module` and `module.name`."""
    for child in ast.iter_child_nodes(node):
        if at_run_time and is_for_types_only(child):
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        else:
            yield from imports(child, at_run_time=at_run_time)


SHIPPED = modules(FUNCTIONS, FUNCTIONS)
DEPLOYMENT = modules(INFRA, INFRA)
COMMANDS = modules(CLI, CLI)
EXAMPLES = modules(ROOT / "examples", ROOT)
BENCH = modules(ROOT / "bench", ROOT)
SOURCES = {**SHIPPED, **DEPLOYMENT, **COMMANDS, **EXAMPLES, **BENCH}
PACKAGES = sorted(path.parent.name for path in FUNCTIONS.glob("*/__init__.py"))


def imported_modules(name: str) -> set[str]:
    """Return the modules of this repository that a module imports, for types too."""
    found = set()
    for imported in imports(parse(SOURCES[name])):
        module = imported if imported in SOURCES else imported.rpartition(".")[0]
        if module in SOURCES and module != name:
            found.add(module)
    return found

"""The rules on how the modules are laid out: small, without cycles, each folder below what uses it."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from tests.architecture.source_tree import ROOT, SOURCES, imported_modules

MAX_LINES = 400
# A name that loads the modules of its package: importing from it is importing from them.
FACADES = {"mailbus", "mailbus.django", "mailbus_cdk", "mailbus_cdk.settings"}
FOLDERS = ("functions", "infra", "cli", "examples", "bench", "tests")
# docs/mailbus.d.ts is in none of these folders: it is generated, with a line for each field of the structs.
ENDINGS = {".py", ".js", ".cjs", ".ts"}


def first_cycle(graph: dict[str, set[str]]) -> list[str]:
    """Return the names of one cycle of a graph, in order; an empty list if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def folders(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the same graph with each subpackage as one node; modules directly in a package stay nodes."""

    def node(module: str) -> str:
        return ".".join(module.split(".")[:2])

    merged: dict[str, set[str]] = {}
    for module, imported in graph.items():
        merged.setdefault(node(module), set()).update(node(other) for other in imported)
    return {name: imported - {name} for name, imported in merged.items()}


def import_graph() -> dict[str, set[str]]:
    return {name: imported_modules(name) - FACADES for name in SOURCES if name not in FACADES}


def test_no_module_has_over_400_lines() -> None:
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in ENDINGS and "node_modules" not in path.parts
    }
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}


def test_no_modules_import_each_other_not_even_for_types() -> None:
    assert first_cycle(import_graph()) == []


def test_no_folder_imports_what_is_above_it() -> None:
    assert first_cycle(folders(import_graph())) == []


def test_the_rule_on_cycles_finds_one() -> None:
    graph = {"a.x": {"b"}, "b": {"c.y"}, "c.y": {"a.z"}, "a.z": set[str]()}
    assert first_cycle(graph) == []
    assert set(first_cycle({**graph, "a.z": {"b"}})) == {"b", "c.y", "a.z"}


def test_the_rule_on_folders_finds_modules_that_import_a_folder_from_both_sides() -> None:
    graph = {"p.f.x": {"p.m"}, "p.m": {"p.f.y"}, "p.f.y": set[str]()}
    assert first_cycle(graph) == []
    assert set(first_cycle(folders(graph))) == {"p.f", "p.m"}

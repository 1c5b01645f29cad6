"""The floors of the program: imports run downward only, and the light parts stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import napari_alc

PACKAGE = "napari_alc"
ROOT = Path(napari_alc.__file__).parent

FLOORS = {
    "__init__": 0,
    "boxes": 0,
    "cores": 0,
    "errors": 0,
    "files": 0,
    "labels": 0,
    "progress": 0,
    "wording": 0,
    "cleaning": 1,
    "evaluation": 1,
    "formats": 1,
    "simulation": 1,
    "detection": 2,
    "project": 3,
    "execution": 4,
    "commands": 5,
    "plugin": 5,
    "cli": 5,
    "__main__": 5,
}
"""Floor of every part; a part may import parts of lower floors, and itself."""

SHARED_FLOORS = {0, 5}
"""Floors whose parts may import each other: the ground, and the doors to the program."""

NEIGHBOURS = {("simulation", "formats")}
"""On one floor: images that are drawn are written to files."""

LIGHT_DETECTION = {"napari_alc.detection.settings"}
"""Of floor 2 what imports no torch, so that anybody may import it anywhere."""

WINDOW = {"qtpy", "napari", "vispy", "superqt", "app_model", "PySide6", "PyQt6", "PySide2", "PyQt5"}
TRAINING = {"torch", "torchvision"}


@dataclass(frozen=True)
class Import:
    """Where a module imports what, and whether that happens when the module is loaded."""

    module: str
    imports: str
    line: int
    at_load: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.imports}"


def part(module: str) -> str:
    names = module.split(".")
    return names[1] if len(names) > 1 else "__init__"


def module_name(path: Path) -> str:
    names = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" and len(names) > 2 else names)


def modules() -> list[str]:
    return sorted({module_name(path) for path in ROOT.rglob("*.py")})


MODULES = modules()


def imports_of(node: ast.AST, in_function: bool = False) -> Iterator[tuple[ast.stmt, str, bool]]:
    """Every import below a node; what only the type checker reads is none."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield child, alias.name, not in_function
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports name the whole module"
            for alias in child.names:
                inner = f"{child.module}.{alias.name}"
                yield child, inner if inner in MODULES else str(child.module), not in_function
        elif not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from imports_of(child, in_function or isinstance(child, ast.FunctionDef))


def all_imports() -> list[Import]:
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for statement, name, at_load in imports_of(tree):
            found.append(Import(module_name(path), name, statement.lineno, at_load))
    return found


IMPORTS = all_imports()
OWN = [i for i in IMPORTS if i.imports.split(".")[0] == PACKAGE]


def test_every_part_has_a_floor():
    assert {part(module) for module in MODULES} <= set(FLOORS)
    assert len(OWN) > 100


def test_imports_run_downward_only():
    upward = [
        str(i)
        for i in OWN
        if (above := part(i.module)) != (below := part(i.imports))
        and FLOORS[below] >= FLOORS[above]
        and FLOORS[above] not in SHARED_FLOORS
        and (above, below) not in NEIGHBOURS
    ]
    assert upward == []


def test_no_module_imports_in_a_circle():
    graph: dict[str, set[str]] = {module: set() for module in MODULES}
    for i in OWN:
        graph[i.module].add(i.imports)
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as circle:
        pytest.fail(" → ".join(circle.args[1]))
    assert set(MODULES) <= set(order)


def test_detection_is_imported_only_where_it_runs():
    early = [
        str(i)
        for i in OWN
        if part(i.imports) == "detection"
        and part(i.module) != "detection"
        and i.at_load
        and i.imports not in LIGHT_DETECTION
    ]
    assert early == []


def test_only_detection_names_torch():
    outside = [
        str(i)
        for i in IMPORTS
        if i.imports.split(".")[0] in TRAINING and part(i.module) != "detection"
    ]
    assert outside == []


def test_only_the_window_names_qt_and_napari():
    elsewhere = [
        str(i)
        for i in IMPORTS
        if i.imports.split(".")[0] in WINDOW
        and part(i.module) != "plugin"
        and (i.at_load or i.module != "napari_alc.commands.gui")
    ]
    assert elsewhere == []


def load_without(forbidden: set[str], names: list[str]) -> str:
    """Import modules in a fresh process where others cannot be imported; what went wrong."""
    program = f"""
import importlib, sys

class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(forbidden)!r}:
            raise ImportError(name + " must not be imported here")

sys.meta_path.insert(0, Forbid())
for name in {names!r}:
    importlib.import_module(name)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    return run.stderr


def test_a_forbidden_import_is_noticed():
    assert "torch must not" in load_without(TRAINING, ["napari_alc.detection.training.training"])
    assert "must not" in load_without(WINDOW, ["napari_alc.plugin.widget"])


def of_parts(*parts: str) -> list[str]:
    return [module for module in MODULES if part(module) in parts]


@pytest.mark.parametrize(
    ("forbidden", "names"),
    [
        pytest.param(TRAINING | WINDOW | {"numpy"}, [PACKAGE], id="the package itself"),
        pytest.param(
            TRAINING | WINDOW,
            of_parts(*(name for name, floor in FLOORS.items() if floor in (0, 1, 3, 4)))
            + sorted(LIGHT_DETECTION)
            + of_parts("commands", "cli"),
            id="all that neither trains nor shows",
        ),
        pytest.param(WINDOW, of_parts("detection"), id="detection without a window"),
        pytest.param(TRAINING, of_parts("plugin"), id="the window without torch"),
    ],
)
def test_parts_load_without_what_they_must_not_need(forbidden, names):
    assert names
    assert load_without(forbidden, names) == ""

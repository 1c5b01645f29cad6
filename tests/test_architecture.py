"""The house: rooms of a size that can be overseen, and light parts that stay light.

Which room may import which is held by the contracts in pyproject.toml (``make lint``).
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import napari_alc

PACKAGE = "napari_alc"
ROOT = Path(napari_alc.__file__).parent
REPOSITORY = Path(__file__).parents[1]

MOST_MODULES = 16
"""In a folder, beside what only opens it (``__init__`` and ``conftest``)."""

WINDOW = {"qtpy", "napari", "vispy", "superqt", "app_model", "PySide6", "PyQt6", "PySide2", "PyQt5"}
TRAINING = {"torch", "torchvision"}

NEEDS_TORCH = ("detection",)
LIGHT_DETECTION = ("napari_alc.detection.settings", "napari_alc.detection.plan")
"""Of the detector's rooms what imports no torch, so that anybody may import it anywhere."""

OPENS_WINDOWS = ("plugin",)


def module_name(path: Path) -> str:
    names = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" and len(names) > 2 else names)


MODULES = sorted({module_name(path) for path in ROOT.rglob("*.py")})


def part(module: str) -> str:
    names = module.split(".")
    return names[1] if len(names) > 1 else "__init__"


def of_parts(*parts: str) -> list[str]:
    return [module for module in MODULES if part(module) in parts]


def outside(*parts: str) -> list[str]:
    return [module for module in MODULES if part(module) not in (*parts, "__main__")]


def overfull(top: Path) -> list[str]:
    folders = {path.parent for path in top.rglob("*.py")}
    counts = {
        folder: sum(path.stem not in ("__init__", "conftest") for path in folder.glob("*.py"))
        for folder in folders
    }
    return [f"{folder}: {n}" for folder, n in sorted(counts.items()) if n > MOST_MODULES]


@pytest.mark.parametrize("top", ["src", "tests", "benchmarks", "docs", "experiments"])
def test_no_folder_holds_more_modules_than_can_be_overseen(top):
    assert overfull(REPOSITORY / top) == []


def test_an_overfull_folder_is_noticed(tmp_path):
    for number in range(MOST_MODULES):
        (tmp_path / f"m{number}.py").touch()
    (tmp_path / "__init__.py").touch()
    assert overfull(tmp_path) == []
    (tmp_path / "one_more.py").touch()
    assert overfull(tmp_path) == [f"{tmp_path}: {MOST_MODULES + 1}"]


def test_every_room_says_what_it_holds():
    rooms = {path.parent for path in ROOT.rglob("*.py")}
    assert [str(room) for room in sorted(rooms) if not (room / "__init__.py").exists()] == []
    empty = [room for room in rooms if '"""' not in (room / "__init__.py").read_text("utf-8")]
    assert empty == []


def class_names() -> list[str]:
    tops = (ROOT, REPOSITORY / "experiments" / "src")
    trees = [ast.parse(path.read_text("utf-8")) for top in tops for path in top.rglob("*.py")]
    return [
        node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    ]


def test_a_class_name_means_one_thing_in_the_whole_program():
    counts = Counter(class_names())
    assert len(counts) > 300
    assert [name for name, count in counts.items() if count > 1] == []


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


@pytest.mark.parametrize(
    ("forbidden", "names"),
    [
        pytest.param(TRAINING | WINDOW | {"numpy", "pydantic"}, [PACKAGE], id="the package itself"),
        pytest.param(
            TRAINING | WINDOW,
            [*outside(*NEEDS_TORCH, *OPENS_WINDOWS), *LIGHT_DETECTION],
            id="all that neither trains nor shows",
        ),
        pytest.param(WINDOW, of_parts(*NEEDS_TORCH), id="detection without a window"),
        pytest.param(TRAINING, of_parts(*OPENS_WINDOWS), id="the window without torch"),
    ],
)
def test_parts_load_without_what_they_must_not_need(forbidden, names):
    assert names
    assert load_without(forbidden, names) == ""

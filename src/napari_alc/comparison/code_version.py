"""Which code a result came from: a digest that changes only where a result might."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import napari_alc

ROOT = Path(napari_alc.__file__).parent
COMPUTING = {"detection": ("torch", "torchvision"), "cleaning": ("scipy",)}
"""Libraries on which the results of a package depend, beside numpy."""


@cache
def code_version(*packages: str) -> str:
    """A digest of the code of `packages` and of the libraries that compute for them.

    Docstrings, comments and layout leave no trace.

    Parameters
    ----------
    packages
        Folders or modules of napari_alc, such as ``"detection"`` or ``"comparison.mao"``.
    """
    found = hashlib.sha256()
    for package in sorted(packages):
        for path in _sources(package):
            found.update(path.relative_to(ROOT).as_posix().encode())
            found.update(without_docstrings(path.read_text(encoding="utf-8")).encode())
    for library in sorted({"numpy", *(n for p in packages for n in COMPUTING.get(p, ()))}):
        found.update(f"{library} {version(library)}".encode())
    return found.hexdigest()[:16]


def _sources(package: str) -> list[Path]:
    path = ROOT.joinpath(*package.split("."))
    if path.is_dir():
        return sorted(path.rglob("*.py"))
    return [path.with_suffix(".py")]


def without_docstrings(source: str) -> str:
    """What Python makes of `source`, without its docstrings."""
    return ast.dump(_WithoutTexts().visit(ast.parse(source)))


class _WithoutTexts(ast.NodeTransformer):
    """Takes out every string that stands on its own: docstrings, also those of attributes."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node

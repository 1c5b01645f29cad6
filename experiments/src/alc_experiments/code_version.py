"""Which code a result came from: a digest that changes only where a result might."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

LIBRARIES = {
    "napari_alc.detection": ("torch", "torchvision"),
    "napari_alc.cleaning": ("scipy",),
}
"""Libraries on which the results of a package, and of its modules, depend, beside numpy."""


@cache
def code_version(*packages: str) -> str:
    """A digest of the code of `packages` and of the libraries that compute for them.

    Docstrings, comments and layout leave no trace.

    Parameters
    ----------
    packages
        Packages or modules, such as ``"napari_alc.detection"`` or ``"alc_experiments.mao"``.
    """
    found = hashlib.sha256()
    for package in sorted(packages):
        root = _root(package)
        for path in _files(package):
            found.update(path.relative_to(root).as_posix().encode())
            found.update(without_docstrings(path.read_text(encoding="utf-8")).encode())
    for library in sorted({"numpy", *(n for p in packages for n in _libraries(p))}):
        found.update(f"{library} {version(library)}".encode())
    return found.hexdigest()[:16]


def _libraries(package: str) -> tuple[str, ...]:
    return LIBRARIES.get(".".join(package.split(".")[:2]), ())


def _root(module: str) -> Path:
    """The folder in which the distribution of a module lies."""
    spec = find_spec(module.partition(".")[0])
    return Path(spec.origin).parents[1] if spec and spec.origin else Path()


def module_version(module: str) -> str:
    """A digest of the code of `module` and of all that it imports from the folder beside it.

    Imports are followed from module to module, those inside functions too.

    Parameters
    ----------
    module
        Full name, such as ``"alc_experiments.methods"``; may be a package.
    """
    package = module.rpartition(".")[0]
    found: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            trees = [ast.parse(path.read_text(encoding="utf-8")) for path in _files(name)]
            found[name] = "".join(ast.dump(_WithoutTexts().visit(tree)) for tree in trees)
            waiting += [other for tree in trees for other in _neighbours(tree, package)]
    texts = "".join(f"{name}\0{text}\0" for name, text in sorted(found.items()))
    return hashlib.sha256(texts.encode()).hexdigest()[:16]


def _files(module: str) -> list[Path]:
    """The files of a module or package; none where there is no such thing."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return []
    path = Path(spec.origin)
    return sorted(path.parent.rglob("*.py")) if spec.submodule_search_locations else [path]


def _neighbours(tree: ast.AST, package: str) -> Iterator[str]:
    """Modules directly in `package` that are imported anywhere in `tree`."""
    prefix = f"{package}."
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.startswith(prefix):
                yield prefix + name.removeprefix(prefix).partition(".")[0]


def without_docstrings(source: str) -> str:
    """What Python makes of `source`, without its docstrings."""
    return ast.dump(_WithoutTexts().visit(ast.parse(source)))


class _WithoutTexts(ast.NodeTransformer):
    """Takes out every string that stands on its own: docstrings, also those of attributes."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node

"""Which code a result came from: a digest that changes only where a result might."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

LIBRARIES = {
    "PIL": "pillow",
    "cleanlab": "cleanlab",
    "numpy": "numpy",
    "pycocotools": "pycocotools",
    "scipy": "scipy",
    "tifffile": "tifffile",
    "torch": "torch",
    "torchvision": "torchvision",
}
"""Libraries that compute results: the name that code imports, and that of the distribution."""


@dataclass(frozen=True)
class Code:
    """What Python makes of a file, and the full names of what is imported anywhere in it."""

    dump: str
    imports: tuple[str, ...]


@cache
def code_version(*packages: str) -> str:
    """A digest of the code of `packages` and of the libraries that compute for them.

    Docstrings, comments and layout leave no trace.

    Parameters
    ----------
    packages
        Packages or modules, such as ``"napari_alc.detection"`` or ``"alc_experiments.peers"``.

    Raises
    ------
    ModuleNotFoundError
        When there is no such package: one that was renamed must not drop out unseen.
    """
    found, parts = hashlib.sha256(), []
    for package in sorted(packages):
        root = _root(package)
        for path in _files(package) or _no_module(package):
            parts.append(_code_in(path))
            found.update(path.relative_to(root).as_posix().encode())
            found.update(parts[-1].dump.encode())
    found.update(_libraries(parts).encode())
    return found.hexdigest()[:16]


def _libraries(parts: Iterable[Code]) -> str:
    """Names and versions of the `LIBRARIES` that are imported anywhere in `parts`."""
    imported = {name.partition(".")[0] for part in parts for name in part.imports}
    known = sorted(LIBRARIES[name] for name in imported & LIBRARIES.keys())
    return " ".join(f"{library} {version(library)}" for library in known)


def _root(module: str) -> Path:
    """The folder in which the distribution of a module lies."""
    spec = find_spec(module.partition(".")[0])
    return Path(spec.origin).parents[1] if spec and spec.origin else Path()


def module_version(module: str) -> str:
    """A digest of the code of `module` and of all that it imports from the folder beside it.

    Imports are followed from module to module, those inside functions too. The libraries that
    compute for these modules count as well.

    Parameters
    ----------
    module
        Full name, such as ``"alc_experiments.methods"``; may be a package.
    """
    package = module.rpartition(".")[0]
    found: dict[str, list[Code]] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = [_code_in(path) for path in _files(name)]
            waiting += [other for part in found[name] for other in _neighbours(part, package)]
    texts = "".join(
        f"{name}\0{''.join(part.dump for part in parts)}\0" for name, parts in sorted(found.items())
    )
    texts += _libraries(part for parts in found.values() for part in parts)
    return hashlib.sha256(texts.encode()).hexdigest()[:16]


def _files(module: str) -> list[Path]:
    """The files of a module or package; none where there is no such thing."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return []
    path = Path(spec.origin)
    return sorted(path.parent.rglob("*.py")) if spec.submodule_search_locations else [path]


def _no_module(name: str) -> NoReturn:
    raise ModuleNotFoundError(f"there is no module {name}", name=name)


def _neighbours(code: Code, package: str) -> Iterator[str]:
    """Modules directly in `package` that are imported anywhere in `code`."""
    prefix = f"{package}."
    for name in code.imports:
        if name.startswith(prefix):
            yield prefix + name.removeprefix(prefix).partition(".")[0]


def _imports(tree: ast.AST) -> Iterator[str]:
    """Full names of what is imported anywhere in `tree`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _code_in(path: Path) -> Code:
    return code_of(path.read_text(encoding="utf-8"))


@cache
def code_of(source: str) -> Code:
    """The code of a file; by its text, since each row asks for that of the whole program."""
    tree = without_texts(source)
    return Code(ast.dump(tree), tuple(_imports(tree)))


def without_texts(source: str) -> ast.AST:
    """What Python makes of `source`, without its docstrings."""
    tree: ast.AST = _WithoutTexts().visit(ast.parse(source))
    return tree


class _WithoutTexts(ast.NodeTransformer):
    """Takes out every string that stands on its own: docstrings, also those of attributes."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node

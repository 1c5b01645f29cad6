"""A result's code version changes where the result might, and only there."""

from __future__ import annotations

import ast
import sys

import pytest

from alc_experiments import code_version as module
from alc_experiments.code_version import code_version, module_version, without_texts

CORE = ("napari_alc.cleaning", "napari_alc.boxes")

BEFORE = '''"""What the module is for."""

LIMIT = 0.5
"""Of the overlap."""


def half(value: float) -> float:
    """Half of it."""
    return value / 2  # exact in binary
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of one module, whose text can be replaced."""
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)

    def version_of(text, name="regions.py", of="house"):
        (tmp_path / "house" / name).write_text(text, encoding="utf-8")
        code_version.cache_clear()
        return code_version(of)

    yield version_of
    code_version.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "house"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("What the module is for.", "Another text.", id="docstring of the module"),
        pytest.param("Half of it.", "The half.", id="docstring of a function"),
        pytest.param('    """Half of it."""\n', "", id="a docstring taken away"),
        pytest.param("Of the overlap.", "Strict.", id="text below a constant"),
        pytest.param("  # exact in binary", "", id="comment"),
        pytest.param("\n\n\ndef", "\n\n\n\ndef", id="blank line"),
    ],
)
def test_words_leave_no_trace(package, old, new):
    assert old in BEFORE
    assert package(BEFORE) == package(BEFORE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("value / 2", "value / 3", id="arithmetic"),
        pytest.param("0.5", "0.6", id="constant"),
        pytest.param("value: float", "value: float = 1.0", id="default"),
    ],
)
def test_code_leaves_a_trace(package, old, new):
    assert package(BEFORE) != package(BEFORE.replace(old, new))


def test_a_string_that_is_a_value_is_code():
    assert ast.dump(without_texts('x = "a"')) != ast.dump(without_texts('x = "b"'))


def test_a_new_and_a_renamed_module_count(package, tmp_path):
    alone = package(BEFORE)
    both = package(BEFORE, "matching.py")
    (tmp_path / "house" / "regions.py").unlink()
    renamed = package(BEFORE, "matching.py")
    assert len({alone, both, renamed}) == 3


def test_one_module_may_be_named(package):
    of_module = package(BEFORE, of="house.regions")
    assert package(BEFORE.replace("0.5", "0.6"), "matching.py", of="house.regions") == of_module
    assert package(BEFORE.replace("0.5", "0.6"), of="house.regions") != of_module


def test_a_package_that_was_renamed_does_not_drop_out_unseen():
    with pytest.raises(ModuleNotFoundError, match=r"napari_alc\.cleaner"):
        code_version("napari_alc.boxes", "napari_alc.cleaner")


def test_the_order_of_the_packages_does_not_matter():
    assert code_version(*CORE) == code_version(*reversed(CORE))


@pytest.mark.parametrize(
    ("package", "library"),
    [
        ("napari_alc.detection", "torch"),
        ("napari_alc.cleaning.matching", "scipy"),
        ("napari_alc.detection", "pillow"),
        ("napari_alc.evaluation", "pycocotools"),
        ("napari_alc.boxes", "numpy"),
    ],
)
def test_libraries_that_compute_count(monkeypatch, package, library):
    code_version.cache_clear()
    before = code_version(package)
    monkeypatch.setattr(module, "version", lambda name: "99" if name == library else "1")
    code_version.cache_clear()
    ours = code_version(package)
    monkeypatch.setattr(module, "version", lambda _: "1")
    code_version.cache_clear()
    assert len({before, ours, code_version(package)}) == 3
    code_version.cache_clear()


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """A package ``way`` of modules that import each other."""
    texts = {
        "__init__": "",
        "table": "from way.mao import moved\n\ndef row():\n    from way import oa\n",
        "mao": "import numpy\nfrom way.peers.judge import seen\n",
        "oa": "",
        "other": "import way.table\n",
        "peers/__init__": "",
        "peers/judge": "seen = 1\n",
    }
    for name, text in texts.items():
        path = tmp_path / "way" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "way", raising=False)

    def after(name, text):
        with (tmp_path / "way" / f"{name}.py").open("a") as stream:
            stream.write(text)
        return module_version("way.table")

    return after


@pytest.mark.parametrize("name", ["table", "mao", "oa", "peers/judge"])
def test_what_a_module_imports_counts_wherever_that_is_written(modules, name):
    before = modules(name, "")
    assert modules(name, "\nLIMIT = 1\n") != before


def test_what_a_module_does_not_import_leaves_no_trace(modules):
    before = modules("other", "")
    assert modules("other", "\nLIMIT = 1\n") == before
    assert modules("mao", '\n"""More words."""\n') == before


def test_libraries_of_what_a_module_imports_count(monkeypatch):
    monkeypatch.setattr(module, "version", lambda _: "1")
    usual = module_version("alc_experiments.peers")
    for library in ("cleanlab", "scipy"):
        monkeypatch.setattr(module, "version", lambda name, of=library: "1" + "0" * (name == of))
        assert module_version("alc_experiments.peers") != usual


def test_every_module_of_the_comparison_can_be_followed():
    assert len(module_version("alc_experiments.methods")) == 16

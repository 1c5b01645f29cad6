"""The manifest, and what the plugin's process must never load."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from npe2 import PluginManifest

import napari_alc.plugin
from patience import PATIENCE
from tiny_projects import make_project

MANIFEST = Path(napari_alc.plugin.__file__).with_name("napari.yaml")


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_file(MANIFEST)


def test_the_manifest_is_valid_and_names_the_distribution(manifest):
    manifest.validate_imports()
    assert manifest.name == "napari-alc"


def test_every_command_can_be_imported(manifest):
    for command in manifest.contributions.commands:
        module, _, name = command.python_name.partition(":")
        assert callable(getattr(import_module(module), name)), command.id


def test_every_preference_has_a_title_and_a_default(manifest):
    for category in manifest.contributions.configurations.values():
        for key, preference in category.properties.items():
            assert preference.title, key
            assert preference.default is not None, key


def test_napari_finds_the_plugin_as_it_is_installed():
    installed = PluginManifest.from_distribution("napari-alc")
    assert installed.display_name == "Active Label Cleaning"


NO_TORCH = """
import sys
import pkgutil
from importlib import import_module
from pathlib import Path
import napari
import napari.settings
import napari_alc.plugin
napari.settings._CFG_PATH = sys.argv[2]
for module in pkgutil.iter_modules(napari_alc.plugin.__path__):
    import_module("napari_alc.plugin." + module.name)
from napari_alc.plugin.widget import dock
viewer = napari.Viewer(show=False)
widget = dock(viewer)
assert widget.open_project(Path(sys.argv[1]))
for page in range(3):
    widget.tabs.setCurrentIndex(page)
assert "torch" not in sys.modules, "torch is loaded"
viewer.close()
print("done")
"""


def test_the_window_never_loads_torch(tmp_path):
    project = make_project(tmp_path)
    project.close()
    command = [sys.executable, "-c", NO_TORCH, str(project.folder), str(tmp_path / "s.yaml")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ended.stdout.strip().endswith("done"), ended.stderr

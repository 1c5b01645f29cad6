"""What the plugin remembers between sittings, in napari's own plugin settings.

The settings know texts but no lists, so the recent projects are one text.
"""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

from napari.settings import get_plugin_settings

PLUGIN = "napari-alc"

MOST_RECENT = 8
"""Projects that are remembered."""

SEPARATOR = "|"
"""No folder's name holds this sign on Windows, and hardly one elsewhere."""


def _settings() -> Any:
    return get_plugin_settings(PLUGIN)


def person() -> str:
    """The name that decisions are stored under: the one set, else the login name."""
    return str(_settings().review.person).strip() or _login_name()


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container whose user has no name
        return "pathologist"


def set_person(name: str) -> None:
    """Remember who reviews; an empty name stands for the login name."""
    _settings().review.person = name.strip()


def device() -> str:
    """Where to compute: ``auto``, ``cpu``, ``cuda`` or ``mps``."""
    return str(_settings().computing.device)


def recent_projects() -> tuple[Path, ...]:
    """Folders of the projects opened last that are still there, the newest first."""
    folders = [Path(text) for text in str(_settings().projects.recent).split(SEPARATOR) if text]
    return tuple(folder for folder in folders if (folder / "project.toml").is_file())


def remember_project(folder: Path) -> None:
    """Put a project at the head of the recent ones."""
    others = [known for known in recent_projects() if known != folder]
    kept = [str(path) for path in (folder, *others) if SEPARATOR not in str(path)]
    _settings().projects.recent = SEPARATOR.join(kept[:MOST_RECENT])

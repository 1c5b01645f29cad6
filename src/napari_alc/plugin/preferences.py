"""What the plugin remembers between sessions, in napari's own plugin settings.

The settings know texts but no lists, so the recent projects are one text, and so is their contrast.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from napari.settings import get_plugin_settings

PLUGIN = "napari-alc"

MOST_RECENT = 8
"""Projects that are remembered."""

SEPARATOR = "|"
"""No folder's name holds this sign on Windows, and hardly one elsewhere."""

IN = " in "
"""Between a contrast and the folder of the project that has it."""


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


def palette() -> str:
    """Name of the colours of the review: ``standard`` or ``colour-blind``."""
    return str(_settings().review.palette)


def set_palette(name: str) -> None:
    """Remember the colours of the review."""
    _settings().review.palette = name


def labels() -> str:
    """What is written beside the boxes: ``none``, ``letters``, ``score`` or ``category``."""
    return str(_settings().review.labels)


def set_labels(kind: str) -> None:
    """Remember what is written beside the boxes."""
    _settings().review.labels = kind


def is_smooth() -> bool:
    """Whether pixels are smoothed on screen."""
    return bool(_settings().review.smooth)


def set_smooth(is_smooth: bool) -> None:
    """Remember whether pixels are smoothed on screen."""
    _settings().review.smooth = is_smooth


def is_maximised() -> bool:
    """Whether the window takes the whole screen during the review."""
    return bool(_settings().window.maximised)


def set_maximised(is_maximised: bool) -> None:
    """Remember whether the window takes the whole screen during the review."""
    _settings().window.maximised = is_maximised


def docks() -> frozenset[str]:
    """Names of napari's panels on the left that stay open during the review."""
    return frozenset(str(_settings().window.docks).split(SEPARATOR))


def set_docks(names: Iterable[str]) -> None:
    """Remember which panels on the left stay open during the review."""
    _settings().window.docks = SEPARATOR.join(sorted(names))


def key_set() -> str:
    """Name of the keys of the review that nobody has changed: ``standard`` or ``left hand``."""
    return str(_settings().review.key_set)


def key_texts() -> dict[str, str]:
    """The keys of each command of the review, as they were typed; by the command's name."""
    return {name: str(text) for name, text in _settings().review_keys.model_dump().items()}


def on_review_change(call: Callable[[], None]) -> Callable[[], None]:
    """Call whenever a setting of the review or of its keys has changed; returns what ends that."""
    pages = (_settings().review, _settings().review_keys)

    def on_event(_event: object) -> None:
        call()

    def end() -> None:
        for page in pages:
            page.events.disconnect(on_event)

    for page in pages:
        page.events.connect(on_event)
    return end


def device() -> str:
    """Where to compute: ``auto``, ``cpu``, ``cuda`` or ``mps``."""
    return str(_settings().computing.device)


def set_device(name: str) -> None:
    """Remember where to compute."""
    _settings().computing.device = name


def uses_more() -> bool:
    """Whether steps take their share of the computer, rather than what others leave."""
    return bool(_settings().computing.more)


def set_uses_more(is_more: bool) -> None:
    """Remember how much of the computer steps take."""
    _settings().computing.more = is_more


def recent_projects() -> tuple[Path, ...]:
    """Folders of the projects opened last that are still there, the newest first."""
    folders = [Path(text) for text in str(_settings().projects.recent).split(SEPARATOR) if text]
    return tuple(folder for folder in folders if (folder / "project.toml").is_file())


def last_project() -> tuple[Path, str] | None:
    """The project that was open last, and its page; None without one, or where it is gone."""
    projects = _settings().projects
    folder = Path(str(projects.last))
    is_there = str(projects.last) and (folder / "project.toml").is_file()
    return (folder, str(projects.page)) if is_there else None


def remember_place(folder: Path, page: str) -> None:
    """Remember the project that is open, and its page: ``project``, ``iterate`` or ``review``."""
    projects = _settings().projects
    projects.last, projects.page = str(folder), page


def contrast(folder: Path) -> str:
    """The contrast that was set last in a project, as a text; empty for none."""
    return _contrasts().get(str(folder), "")


def set_contrast(folder: Path, text: str) -> None:
    """Remember the contrast of a project."""
    kept = {str(folder): text} | {k: v for k, v in _contrasts().items() if k != str(folder)}
    entries = [f"{text}{IN}{name}" for name, text in kept.items() if SEPARATOR not in name]
    _settings().projects.contrast = SEPARATOR.join(entries[:MOST_RECENT])


def _contrasts() -> dict[str, str]:
    """The contrast of each project by its folder, the one set last first."""
    entries = [text.partition(IN) for text in str(_settings().projects.contrast).split(SEPARATOR)]
    return {folder: text for text, _, folder in entries if folder}


def remember_project(folder: Path) -> None:
    """Put a project at the head of the recent ones."""
    others = [known for known in recent_projects() if known != folder]
    kept = [str(path) for path in (folder, *others) if SEPARATOR not in str(path)]
    _settings().projects.recent = SEPARATOR.join(kept[:MOST_RECENT])

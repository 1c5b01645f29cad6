"""Step 9: the clean dataset as one COCO file in which every box tells where it came from."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

from napari_alc import __version__
from napari_alc.formats.coco import write_coco
from napari_alc.project.label_sets import clean_labels
from napari_alc.project.project import Project
from napari_alc.project.status import Step, require
from napari_alc.project.store import log_event

EXPORT_FILE = "clean.json"


def export(project: Project, path: Path | None = None) -> Path:
    """Write the clean dataset; returns the file.

    Each annotation carries ``source``, ``region``, ``iteration``, ``decision``, ``person``
    and ``score`` (see `napari_alc.project.label_sets.Origin`).

    Parameters
    ----------
    path
        Where to write; ``exports/clean.json`` in the project's folder by default.

    Raises
    ------
    AlcError
        When the labels are not settled yet.
    """
    found = require(project, Step.EXPORT)
    path = path or project.exports_folder / EXPORT_FILE
    clean = clean_labels(project)
    info: dict[str, object] = {
        "description": "Clean labels made by active label cleaning",
        "program": f"napari-alc {__version__}",
        "images_folder": _folder_seen_from(path, project.images_folder),
        "iterations": found.iteration,
        "settings": asdict(project.settings.method),
    }
    write_coco(
        path,
        clean.label_set,
        [asdict(origin) for origin in clean.origins],
        info,
    )
    with project.store.begin() as connection:
        details = {"file": path.name, "boxes": len(clean.origins)}
        log_event(connection, Step.EXPORT, found.iteration, details)
    return path


def _folder_seen_from(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(folder, path.resolve().parent)).as_posix()
    except ValueError:  # another drive on Windows
        return str(folder)

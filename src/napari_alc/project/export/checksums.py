"""Checksums of whole images, computed once and kept.

The store's fingerprints look at both ends of a file only: enough to notice a change, too little
to tell others which image it is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path

from napari_alc.errors import Cancelled, unreadable
from napari_alc.files import write_text
from napari_alc.formats.images import checksum
from napari_alc.labels import ImageRecord, Labels
from napari_alc.progress import Progress, Report, ShouldStop, never, silent
from napari_alc.project.project import Project

KEPT_FILE = "checksums.json"
"""In the project's folder: size, time of change and checksum of each file by its name."""

READERS = 4
"""Files read at the same time; more do not help a disk."""

IMAGES_AT_ONCE = 64
"""Between two looks at whether to stop."""

SAVE_SECONDS = 10.0
"""At most so much work is lost when a large set is interrupted."""

Known = dict[str, list[int | str]]


def image_checksums(
    project: Project,
    images: Sequence[ImageRecord],
    report: Report = silent,
    should_stop: ShouldStop = never,
) -> dict[int, str]:
    """BLAKE2b of the bytes of each image file, in hexadecimal, by image id.

    A file whose size and time of change are as they were is not read again.

    Raises
    ------
    BadData
        When an image is not there any more, or is of another size.
    Cancelled
        When stopped; the checksums found so far are kept.
    """
    known = _kept(project)
    new = [image for image in images if not _is_known(project, image, known)]
    try:
        _compute(project, new, known, report, should_stop)
    finally:
        if new:
            _keep(project, known)
    return {image.id: str(known[image.file_name][2]) for image in images}


def _compute(
    project: Project,
    images: Sequence[ImageRecord],
    known: Known,
    report: Report,
    should_stop: ShouldStop,
) -> None:
    saved = time.monotonic()
    with ThreadPoolExecutor(READERS) as pool:
        for start in range(0, len(images), IMAGES_AT_ONCE):
            if should_stop():
                raise Cancelled("Computing checksums")
            piece = images[start : start + IMAGES_AT_ONCE]
            paths = [project.path_of(image) for image in piece]
            facts = [_facts(path) for path in paths]
            for image, fact, digest in zip(piece, facts, pool.map(checksum, paths), strict=True):
                known[image.file_name] = [*fact, digest]
            done = start + len(piece)
            report(Progress("export", done, len(images), f"Checksums: {done:,} images"))
            if time.monotonic() - saved > SAVE_SECONDS:
                _keep(project, known)
                saved = time.monotonic()


def _is_known(project: Project, image: ImageRecord, known: Known) -> bool:
    path = project.images_folder / image.file_name
    return path.is_file() and known.get(image.file_name, [])[:2] == list(_facts(path))


def _facts(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _kept(project: Project) -> Known:
    """What was computed before; a file that cannot be read only costs the time to do it again."""
    try:
        found = json.loads((project.folder / KEPT_FILE).read_text(encoding="utf-8"))
        return {str(name): [int(size), int(at), str(d)] for name, (size, at, d) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _keep(project: Project, known: Known) -> None:
    write_text(project.folder / KEPT_FILE, json.dumps(known, indent=0) + "\n")


def label_checksum(labels: Labels) -> str:
    """BLAKE2b of ids, images, categories and boxes of `labels`, in their order."""
    digest = blake2b()
    for column in (labels.ids, labels.image_ids, labels.category_ids):
        digest.update(column.astype("<i8").tobytes())
    digest.update(labels.boxes.astype("<f8").tobytes())
    return digest.hexdigest()


def file_checksums(folder: Path, names: Sequence[str]) -> dict[str, dict[str, int | str]]:
    """Size and BLAKE2b of files, and of all files in folders, by their path in `folder`.

    Raises
    ------
    BadData
        When one cannot be read.
    """
    files = [
        file
        for name in names
        for file in sorted([folder / name, *(folder / name).rglob("*")])
        if file.is_file()
    ]
    return {file.relative_to(folder).as_posix(): _record(file) for file in files}


def _record(file: Path) -> dict[str, int | str]:
    try:
        size = file.stat().st_size
    except OSError as error:
        raise unreadable(file, error) from error
    return {"bytes": size, "blake2b": checksum(file)}

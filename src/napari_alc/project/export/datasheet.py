"""The datasheet of an export: what is in it, where it comes from, and how to make it again.

Nothing in it depends on the clock: the same labels give the same datasheet. It holds checksums of
whole images, computed once and kept: the store's fingerprints look at both ends of a file only,
enough to notice a change, too little to tell others which image it is.
"""

from __future__ import annotations

import json
import platform
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from napari_alc import __version__
from napari_alc.errors import BadData, Cancelled, unreadable
from napari_alc.files import write_text
from napari_alc.formats.images import checksum
from napari_alc.labels import ImageRecord, Labels
from napari_alc.progress import Progress, Report, ShouldStop, never, silent
from napari_alc.project.export.remarks import sheet_words
from napari_alc.project.label_sets import CleanLabels
from napari_alc.project.project import Project
from napari_alc.project.reporting.report_tables import (
    Table,
    flags_table,
    remarks_table,
    settings_table,
)
from napari_alc.project.storage.records import Snapshot
from napari_alc.wording import UNKNOWN

FORMAT = 2
"""Version of the datasheet; a program refuses a newer one."""

LIBRARIES = ("numpy", "scipy", "sqlalchemy", "torch", "torchvision")

SHORT = 16
"""Characters of a checksum that a table shows."""

Sheet = Mapping[str, Any]

NEEDED = ("formats", "names", "info", "moment", "files", "images")
"""What an export is made again from."""


def datasheet(
    project: Project, clean: CleanLabels, until: Snapshot, checksums: Mapping[int, str]
) -> dict[str, Any]:
    """Everything about an export of the moment `until` but its files; checksums are by image id."""
    settings = project.settings
    crowd = project.crowd_labels().of_images(image.id for image in clean.label_set.images).labels
    labels = clean.label_set.labels
    return {
        "datasheet": FORMAT,
        "description": "Clean labels made by active label cleaning",
        "counts": _counts(clean),
        "provenance": {name: clean.counts(name) for name in PROVENANCE_WORDS},
        "settings": settings.in_force,
        "seeds": {"method": settings.method.seed, "detector": settings.seeded_detector.seed},
        "models": _models(project),
        "versions": _versions(),
        "labels": {
            "crowd": {"boxes": len(crowd), "blake2b": label_checksum(crowd)},
            "clean": {"boxes": len(labels), "blake2b": label_checksum(labels)},
        },
        "moment": {**asdict(until), "at": _time_of(project, until)},
        "images": [
            {**asdict(image), "blake2b": checksums[image.id]} for image in clean.label_set.images
        ],
    }


def _counts(clean: CleanLabels) -> dict[str, Any]:
    labels = clean.label_set.labels
    names = {category.id: category.name for category in clean.label_set.categories}
    found = Counter(labels.category_ids.tolist())
    return {
        "images": len(clean.label_set.images),
        "images_with_labels": len(set(labels.image_ids.tolist())),
        "labels": len(labels),
        "categories": {name: found[number] for number, name in names.items()},
    }


def _models(project: Project) -> list[dict[str, Any]]:
    with project.store.transaction() as unit:
        rows = unit.runs.all()
    return [
        {
            "iteration": row.iteration,
            "model": row.model,
            "images": row.images,
            "boxes": row.boxes,
            "tau": row.threshold,
            **_measured(row.metrics or {}),
        }
        for row in rows
    ]


def _measured(metrics: Mapping[str, Any]) -> dict[str, Any]:
    names = ("validation_AP50", "iterations", "device", "versions", "pasting")
    return {name: metrics[name] for name in names if name in metrics}


def _versions() -> dict[str, str]:
    found = {"napari-alc": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # Labels can be exported without the libraries of training.
            found[name] = "not installed"
    return found


def _time_of(project: Project, until: Snapshot) -> str:
    """When the newest decision was made; empty where there is none."""
    with project.store.transaction() as unit:
        found = unit.decisions.time_of(until.decision)
    return "" if found is None else found.isoformat(timespec="seconds")


def as_json(sheet: Sheet) -> str:
    """The datasheet as the file holds it."""
    return json.dumps(sheet, indent=1, ensure_ascii=False) + "\n"


def read_datasheet(path: Path) -> dict[str, Any]:
    """Read a datasheet.

    Raises
    ------
    BadData
        When it is none, or a newer program wrote it.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadData(path, f"cannot be read as a datasheet ({error})", "Check the path") from error
    if not isinstance(found, dict) or not isinstance(found.get("datasheet"), int):
        raise BadData(path, "is no datasheet of an export", "Give the datasheet.json of an export")
    if found["datasheet"] > FORMAT:
        raise BadData(path, "was written by a newer napari-alc", "Update napari-alc to use it")
    missing = [name for name in NEEDED if name not in found]
    if missing:
        raise BadData(path, f"has no '{missing[0]}'", "Export again")
    if any(Path(name).name != name for name in found["names"].values()):
        raise BadData(path, "names a file outside its folder", "Give a datasheet as it was written")
    return found


def as_markdown(sheet: Sheet) -> str:
    """The datasheet for people."""
    counts, labels = sheet["counts"], sheet["labels"]
    settled = f" The newest decision in them is of {sheet['moment']['at']}." * bool(
        sheet["moment"]["at"]
    )
    parts = [
        "# Datasheet",
        f"{sheet['description']}: {counts['labels']:,} labels on {counts['images']:,} images, "
        f"{counts['images_with_labels']:,} of them with labels; the crowd had drawn "
        f"{labels['crowd']['boxes']:,} boxes.{settled}",
        *sheet_words(sheet),
        _table(("category", "labels"), counts["categories"].items()),
        "## Where the labels come from",
        *(
            _table((words, "labels"), sheet["provenance"][name].items())
            for name, words in PROVENANCE_WORDS.items()
        ),
        *_said_parts(sheet),
        "## Models",
        _table(
            ("iteration", "model", "images", "boxes", "tau"), map(_model_cells, sheet["models"])
        ),
        "## Settings",
        *(settings_table(name, values).markdown() for name, values in sheet["settings"].items()),
        "## Versions",
        _table(("program", "version"), sheet["versions"].items()),
        "## Checksums (BLAKE2b)",
        _table(("what", "checksum"), _checksum_rows(sheet)),
        HOW_AGAIN,
    ]
    return "\n\n".join(parts) + "\n"


PROVENANCE_WORDS = {
    "source": "first drawn by",
    "region": "region",
    "decision": "decision",
    "person": "decided by",
}

HOW_AGAIN = (
    "The whole checksums, of every image and every file, are in the datasheet's JSON file. "
    "`napari-alc export PROJECT --again DATASHEET.json` makes the export again from the project, "
    "bit for bit, compares it with these files, and puts right what is missing or different."
)


def _said_parts(sheet: Sheet) -> Iterator[str]:
    """Unsure boxes, notes and flags, under their headings; nothing where there are none."""
    if sheet.get("remarks"):
        yield "## Unsure boxes and notes"
        yield remarks_table(sheet["remarks"]).markdown()
    if sheet.get("flags"):
        yield "## Flagged images"
        yield flags_table(sheet["flags"]).markdown()


def _checksum_rows(sheet: Sheet) -> list[tuple[str, str]]:
    labels = [
        (f"{name} labels", str(values["blake2b"])) for name, values in sheet["labels"].items()
    ]
    whole = [(name, str(values["blake2b"])) for name, values in sheet["files"].items()]
    files = (
        whole[:1] if len(whole) == 1 else [*whole[:1], (f"… and {len(whole) - 1:,} more files", "")]
    )
    return [(what, f"{digest[:SHORT]}…" if digest else "") for what, digest in (*labels, *files)]


def _model_cells(model: Mapping[str, Any]) -> tuple[Any, ...]:
    tau = UNKNOWN if model["tau"] is None else f"{model['tau']:.3f}"
    return model["iteration"], model["model"], model["images"], model["boxes"], tau


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    return Table(head, tuple(tuple(map(str, row)) for row in rows)).markdown()


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

"""Step 9: the clean dataset as COCO, Pascal VOC and YOLO, with the datasheet to make it again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_alc import __version__
from napari_alc.errors import AlcError, BadData
from napari_alc.files import write_text, written_together
from napari_alc.formats.anyformat import write_labels
from napari_alc.formats.coco import write_coco
from napari_alc.labels import ImageRecord
from napari_alc.progress import Report, ShouldStop, never, silent
from napari_alc.project.export.datasheet import (
    as_json,
    as_markdown,
    datasheet,
    file_checksums,
    image_checksums,
    read_datasheet,
)
from napari_alc.project.export.remarks import (
    annotation_keys,
    image_keys,
    require_settled,
    sentences,
    sheet_part,
)
from napari_alc.project.label_sets import CleanLabels, UnsureRule, clean_labels, snapshot_now
from napari_alc.project.locks import one_at_a_time
from napari_alc.project.project import Project, relative
from napari_alc.project.status import Step, require
from napari_alc.project.storage.records import EventKind, Snapshot

EXPORT_FILE = "clean.json"

DATASHEET = "datasheet"

FORMATS = ("coco", "voc", "yolo")
"""The formats that can be chosen, in the order in which they are written."""

FORMAT_TITLES = {"coco": "COCO", "voc": "Pascal VOC", "yolo": "YOLO"}
"""The formats as people call them."""


@dataclass(frozen=True)
class Layout:
    """Where the parts of an export lie: each of `FORMATS`, the datasheet and its Markdown."""

    folder: Path
    names: Mapping[str, str]

    @classmethod
    def at(cls, where: Path) -> Layout:
        """The layout in a folder, or around a COCO file whose name ends in ``.json``."""
        if where.suffix.lower() != ".json" or where.is_dir():
            return cls(where, _names(EXPORT_FILE, "", "datasheet"))
        return cls(where.parent, _names(where.name, f"{where.stem}.", f"{where.stem}.datasheet"))

    @property
    def coco(self) -> Path:
        """The COCO file."""
        return self.folder / self.names["coco"]

    @property
    def places(self) -> AtomicReplacement:
        """What one export replaces of another."""
        return AtomicReplacement(self.folder, list(self.names.values()))


def _names(coco: str, prefix: str, sheet: str) -> dict[str, str]:
    formats = {"coco": coco, "voc": f"{prefix}voc", "yolo": f"{prefix}yolo"}
    return {**formats, DATASHEET: f"{sheet}.json", "words": f"{sheet}.md"}


def exported(project: Project) -> dict[str, Path]:
    """Where the newest export in the project's own folder lies, by format; empty without any."""
    layout = Layout.at(project.exports_folder)
    paths = {name: layout.folder / layout.names[name] for name in FORMATS}
    return {name: path for name, path in paths.items() if path.exists()}


@dataclass(frozen=True)
class Again:
    """What making an export again has found.

    Of its `files`, the `mended` ones were missing or different, and are as they were now. The
    `other_images` are missing, or other files than those of the export.
    """

    files: int
    mended: tuple[str, ...]
    other_images: tuple[str, ...]


@dataclass(frozen=True)
class Exported:
    """Where an export lies: the COCO file, or else the folder; and what to tell about it."""

    path: Path
    notes: tuple[str, ...]


def export(
    project: Project,
    where: Path | None = None,
    formats: Sequence[str] = ("coco",),
    report: Report = silent,
    should_stop: ShouldStop = never,
    unsure: UnsureRule | None = None,
) -> Path:
    """`export_and_tell` for those who only want to know where it lies."""
    return export_and_tell(project, where, formats, report, should_stop, unsure).path


@one_at_a_time("export")
def export_and_tell(
    project: Project,
    where: Path | None = None,
    formats: Sequence[str] = ("coco",),
    report: Report = silent,
    should_stop: ShouldStop = never,
    unsure: UnsureRule | None = None,
) -> Exported:
    """Write the clean dataset with its datasheet; tells what was left out or cannot be carried.

    All of it takes the place of an older export in the same folder together. In COCO each
    annotation carries ``source``, ``region``, ``iteration``, ``decision``, ``person`` and ``score``
    (see `napari_alc.project.label_sets.Origin`), and ``attributes`` where somebody is unsure about
    it or wrote a note on it; an image carries its ``flags``.

    It is written to a folder, or beside a COCO file whose name ends in ``.json``; to ``exports`` in
    the project's folder by default. `formats` are some of `FORMATS`. Large sets of images take time
    to be read for the first time. `unsure` says what becomes of boxes that nobody has settled.

    Raises
    ------
    AlcError
        When the labels are not settled yet, an image is missing, or a file cannot be written; when
        somebody is unsure about a box and `unsure` does not say what becomes of it.
    """
    found = require(project, Step.EXPORT)
    layout = Layout.at(where or project.exports_folder)
    chosen = _chosen(formats)
    until = snapshot_now(project)
    clean = clean_labels(project, until, unsure or UnsureRule.DROP)
    require_settled(clean, unsure)
    checksums = image_checksums(project, clean.label_set.images, report, should_stop)
    head = {
        **datasheet(project, clean, until, checksums),
        **sheet_part(clean, unsure),
        "formats": list(chosen),
        "names": dict(layout.names),
        "info": _info(project, layout, found.iteration),
    }
    _put_in_place(layout, head, clean)
    with project.store.transaction() as unit:
        details = {"file": layout.coco.name, "boxes": len(clean.origins), "formats": list(chosen)}
        unit.events.add(EventKind.EXPORT, found.iteration, details)
    path = layout.coco if "coco" in chosen else layout.folder
    titles = {name: FORMAT_TITLES[name] for name in chosen}
    return Exported(path, tuple(sentences(clean, titles, unsure)))


def _put_in_place(layout: Layout, head: Mapping[str, Any], clean: CleanLabels) -> None:
    """Write all files beside the old ones, then let them take their places together."""
    with _staged(layout) as staged:
        with written_together(staged):
            _write(staged, layout, head["formats"], clean, head["info"])
            files = file_checksums(staged, [layout.names[name] for name in head["formats"]])
            _write_sheet(staged, layout, {**head, "files": files})
        _require_own(layout)
        layout.places.replace(staged)


def _chosen(formats: Sequence[str]) -> tuple[str, ...]:
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        wrong = f"'{unknown[0]}' is no format" if unknown else "No format is chosen"
        raise AlcError(f"{wrong}; choose from {', '.join(FORMATS)}.")
    return tuple(name for name in FORMATS if name in formats)


def _info(project: Project, layout: Layout, iteration: int) -> dict[str, Any]:
    return {
        "description": "Clean labels made by active label cleaning",
        "program": f"napari-alc {__version__}",
        "images_folder": relative(project.images_folder, layout.coco.resolve().parent),
        "iterations": iteration,
        "settings": project.settings.method.model_dump(),
    }


@contextmanager
def _staged(layout: Layout) -> Iterator[Path]:
    """A folder beside the export's files in which the new ones become whole."""
    layout.places.settle()
    staged = layout.folder / f".{layout.names[DATASHEET]}.new"
    shutil.rmtree(staged, ignore_errors=True)
    try:
        staged.mkdir(parents=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadData(
            layout.folder, f"could not be written ({reason})", "Choose another folder"
        ) from error
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _write(
    staged: Path,
    layout: Layout,
    formats: Sequence[str],
    clean: CleanLabels,
    info: Mapping[str, object],
) -> None:
    for name in formats:
        path = staged / layout.names[name]
        if name == "coco":
            write_coco(path, clean.label_set, annotation_keys(clean), info, image_keys(clean))
        else:
            write_labels(path, clean.label_set, "voc" if name == "voc" else "yolo")


def _write_sheet(staged: Path, layout: Layout, sheet: Mapping[str, Any]) -> None:
    write_text(staged / layout.names[DATASHEET], as_json(sheet))
    write_text(staged / layout.names["words"], as_markdown(sheet))


def _require_own(layout: Layout) -> None:
    """Refuse to replace a folder in which there is anything that no export wrote."""
    old = layout.folder / layout.names[DATASHEET]
    known = read_datasheet(old)["files"] if old.is_file() else {}
    for name in (layout.names["voc"], layout.names["yolo"]):
        for file in sorted((layout.folder / name).rglob("*")):
            if file.is_file() and file.relative_to(layout.folder).as_posix() not in known:
                raise BadData(
                    file, "was not written by an export", "Move it away, or choose another folder"
                )


@one_at_a_time("export")
def export_again(
    project: Project, sheet_file: Path, report: Report = silent, should_stop: ShouldStop = never
) -> Again:
    """Make an export again from its datasheet, compare bit for bit, and mend what differs.

    The labels are those of the moment of the export, whatever was decided since. Files that are not
    there beside the datasheet's JSON file are made.

    Raises
    ------
    BadData
        When it is no datasheet, or the project does not give these files; nothing is changed.
    """
    sheet = read_datasheet(sheet_file)
    layout = Layout(sheet_file.parent, {**sheet["names"], DATASHEET: sheet_file.name})
    until, rule = _moment(sheet)
    clean = clean_labels(project, until, rule)
    names = [layout.names[name] for name in sheet["formats"]]
    with _staged(layout) as staged:
        with written_together(staged):
            _write(staged, layout, sheet["formats"], clean, sheet["info"])
            _require_same(sheet_file, sheet, file_checksums(staged, names))
            _write_sheet(staged, layout, sheet)
        mended = _different(layout, names, sheet["files"])
        if mended:
            _require_own(layout)
            layout.places.replace(staged)
    return Again(len(sheet["files"]), mended, _other_images(project, sheet, report, should_stop))


def _moment(sheet: Mapping[str, Any]) -> tuple[Snapshot, UnsureRule]:
    """When an export was made, and what became of unsure boxes; once there were none."""
    known = {name: sheet["moment"].get(name, 0) for name in ("note", "flag")}
    rule = sheet.get("unsure", {}).get("rule", UnsureRule.DROP)
    until = Snapshot(sheet["moment"]["decision"], sheet["moment"]["task"], **known)
    return until, UnsureRule(rule)


def _require_same(path: Path, sheet: Mapping[str, Any], made: Mapping[str, Any]) -> None:
    if made == sheet["files"]:
        return
    names = [
        name for name in {**sheet["files"], **made} if made.get(name) != sheet["files"].get(name)
    ]
    version = sheet.get("versions", {}).get("napari-alc")
    cause = (
        "It is not the project of this export, or its store was put back to an earlier copy"
        if version == __version__
        else f"Use napari-alc {version}, which made the export (this is {__version__})"
    )
    raise BadData(path, f"the project does not give the same '{names[0]}'", cause)


def _different(layout: Layout, names: Sequence[str], wanted: Mapping[str, Any]) -> tuple[str, ...]:
    there = file_checksums(layout.folder, names)
    return tuple(
        sorted(name for name in {**wanted, **there} if there.get(name) != wanted.get(name))
    )


def _other_images(
    project: Project, sheet: Mapping[str, Any], report: Report, should_stop: ShouldStop
) -> tuple[str, ...]:
    """Images that are not those of the export; one that is missing is no reason to stop."""
    wanted = {record["id"]: record for record in sheet["images"]}
    until, _ = _moment(sheet)
    there = [
        image
        for image in project.images(until=until)
        if image.id in wanted and _is_there(project, image)
    ]
    found = image_checksums(project, there, report, should_stop)
    return tuple(
        record["file_name"]
        for number, record in wanted.items()
        if found.get(number) != record["blake2b"]
    )


def _is_there(project: Project, image: ImageRecord) -> bool:
    try:
        project.path_of(image)
    except BadData:
        return False
    return True


class AtomicReplacement:
    """Names in a folder whose contents belong together; not each of them has to be there.

    Between the old contents and the new ones a few names have to be changed one after the other.
    Where that is interrupted, `settle` brings the old contents back.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder = folder
        self._names = tuple(names)
        self._leaving = folder / f".{names[0]}.leaving"
        self._before = folder / f".{names[0]}.before"
        self._gone = folder / f".{names[0]}.gone"

    def replace(self, staged: Path) -> None:
        """Take the contents from the folder `staged`, which is on the same disk.

        What is there under one of the names and not among the new contents goes as well.

        Raises
        ------
        BadData
            When a file cannot be moved, because another program has it open for example;
            the old contents are there then.
        """
        self.settle()
        try:
            self._put_aside()
            self._take_from(staged)
            self._before.rename(self._gone)  # from here on the new contents hold
        except OSError as error:
            self.settle()
            raise BadData(
                self._folder,
                f"the files there could not be replaced ({error.strerror or error})",
                "Close the programs that have them open, then try again",
            ) from error
        except BaseException:
            self.settle()
            raise
        self.settle()

    def settle(self) -> None:
        """Bring back what a replacement that was interrupted has left half done."""
        shutil.rmtree(self._gone, ignore_errors=True)
        if self._before.exists():
            for name in self._names:
                _remove(self._folder / name)
            self._bring_back(self._before)
        if self._leaving.exists():
            self._bring_back(self._leaving)

    def _put_aside(self) -> None:
        self._leaving.mkdir()
        for name in self._names:
            if (self._folder / name).exists():
                (self._folder / name).rename(self._leaving / name)
        self._leaving.rename(self._before)

    def _take_from(self, staged: Path) -> None:
        for name in self._names:
            if (staged / name).exists():
                (staged / name).rename(self._folder / name)

    def _bring_back(self, place: Path) -> None:
        for item in sorted(place.iterdir()):
            item.rename(self._folder / item.name)
        place.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

"""What label formats of one file per image share: names, uniqueness, and the folder itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath

from napari_alc.errors import BadData, unreadable
from napari_alc.formats.reading import require_safe_name, stem_of
from napari_alc.formats.records import quoted, read_bytes
from napari_alc.labels import ImageRecord, LabelSet


def label_files(folder: Path, suffix: str) -> tuple[Path, ...]:
    """All files in `folder` that end in `suffix`, subfolders included, sorted; no hidden ones.

    Raises
    ------
    BadData
        When `folder` is missing.
    """
    if not folder.is_dir():
        raise BadData(folder, "is not a folder", "Give the folder that holds the labels")
    found = [path for path in folder.rglob(f"*{suffix}") if path.is_file()]
    names = {path.relative_to(folder).as_posix(): path for path in found}
    # A hidden folder hides what is in it.
    return tuple(names[name] for name in sorted(names) if "/." not in f"/{name}")


def read_lines(path: Path) -> list[str]:
    """The lines of a text file; an empty file has none.

    Raises
    ------
    BadData
        When it is missing or not text.
    """
    try:
        # Windows editors write a mark at the begin of a file, which would stick to the first name.
        return path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:
        raise BadData(path, "is not a text file in UTF-8", "Give a text file") from error


def read_stems(path: Path) -> tuple[str, ...]:
    """The images that a subset file lists, one a line, as in VOC's ``ImageSets/Main``.

    Raises
    ------
    BadData
        When it is missing, not text, or lists nothing.
    """
    read_bytes(path)
    return tuple(line.strip() for line in read_lines(path) if line.strip())


def target_files(
    folder: Path, label_set: LabelSet, suffix: str, beside: Collection[Path] = ()
) -> tuple[Path, ...]:
    """The label file of each image of `label_set` below `folder`, safe to be written.

    `beside` are files of the format that belong to no image.

    Raises
    ------
    BadData
        When two images would share a file, a name leaves the folder, or the folder holds
        label files of other images, which a reader would mix with the new ones.
    """
    owners: dict[str, ImageRecord] = {}
    for image in label_set.images:
        require_safe_name(folder, f"image {image.id}", image.file_name)
        require_plain_text(folder, "image", image.file_name)
        # Letters' case does not tell files apart on Windows and macOS.
        other = owners.setdefault(stem_of(image.file_name).casefold(), image)
        if other is not image:
            raise BadData(
                folder,
                f"images {quoted(other.file_name)} and {quoted(image.file_name)} "
                "would share one file",
                "Rename one of the images, or write COCO",
            )
    targets = tuple(folder / f"{stem_of(image.file_name)}{suffix}" for image in label_set.images)
    for target in targets:
        if target in beside:
            raise BadData(target, "is needed for something else than an image", "Rename that image")
    if folder.exists():
        _require_no_others(folder, {*targets, *beside}, suffix)
    return targets


def _require_no_others(folder: Path, targets: set[Path], suffix: str) -> None:
    others = [path for path in label_files(folder, suffix) if path not in targets]
    if others:
        raise BadData(
            folder,
            f"already holds labels of other images, such as {others[0].name}",
            "Choose an empty folder",
        )


def require_plain_text(where: Path, what: str, name: str) -> None:
    """Refuse a name that a text or XML file cannot give back: blank edges, control characters."""
    if not name or name != name.strip() or not name.isprintable():
        raise BadData(
            where,
            f"the {what} name {quoted(name)} cannot be written in this format",
            "Rename it, or write COCO",
        )


def image_name(folder: Path, label_file: Path, file_name: str) -> str:
    """Name of the image next to which `label_file` would stand, relative to the image folder."""
    return (PurePosixPath(label_file.relative_to(folder).parent.as_posix()) / file_name).as_posix()


def require_distinct(paths: Iterable[tuple[Path, str]]) -> None:
    """Refuse two files that stand for the same name."""
    seen: dict[str, Path] = {}
    for path, name in paths:
        first = seen.setdefault(name, path)
        if first is not path:
            raise BadData(
                path,
                f"stands for {quoted(name)}, as {first.name} does",
                "Keep one of the two files",
            )

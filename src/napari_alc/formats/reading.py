"""What every reader shares: from raw columns to valid labels, with notes on what was mended.

The rules, the same for all formats:

- a box that reaches beyond its image is clipped and counted;
- a box without width or height is reported by file and record, and left out;
- NaN or infinite coordinates, a negative width or height, a box wholly outside its image, an
  unknown image or category and an id given twice are errors that name file and record.

Label files that were made separately number their images and categories as they like; inside a
project every image, by its file name, and every category, by its name, has one id (`aligned`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path, PurePosixPath

import numpy as np

from napari_alc.boxes import Boxes, Integers, Mask, clip
from napari_alc.errors import BadData
from napari_alc.formats.records import quoted
from napari_alc.labels import Category, Detections, ImageRecord, Labels, LabelSet
from napari_alc.wording import form

Locate = Callable[[int], tuple[Path, str]]
"""Tells file and record, such as ``annotations[3] (id 17)``, of the box at a position."""

ROUNDING = 0.01
"""Pixels that a box may stick out by before its clipping is worth a note: files round."""

MOST_NOTES = 100
"""Boxes without area that are named one by one; the rest of them is counted."""

SAME_IMAGES = "Use label files of the same images"

_LEAVES_FOLDER = re.compile(r"^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.[/\\]|(^|[/\\])\.{0,2}\Z|\x00")


@dataclass(frozen=True, eq=False)
class Reading:
    """Labels as read from a file or folder.

    Parameters
    ----------
    label_set
        Valid labels in the order of the source.
    notes
        Plain sentences on boxes that were clipped or left out, by file and record.
    positions
        int64, shape (N,): where each label stood among all boxes of the source, counted
        from 0 (boxes that were left out count).
    """

    label_set: LabelSet
    notes: tuple[str, ...]
    positions: Integers


@dataclass(frozen=True, eq=False)
class DetectionReading:
    """Valid detections as read from a file, with notes and positions as in `Reading`."""

    detections: Detections
    notes: tuple[str, ...]
    positions: Integers


@dataclass(frozen=True, eq=False)
class RawBoxes:
    """Boxes before any check: ids of shape (N,), corners of shape (N, 4), and their records."""

    image_ids: Integers
    category_ids: Integers
    boxes: Boxes
    locate: Locate

    def problem(self, wrong: Mask, text: str, remedy: str) -> BadData:
        """The error about the first box that is `wrong`."""
        path, record = self.locate(int(np.flatnonzero(wrong)[0]))
        return BadData(path, f"{record} {text}", remedy)


@dataclass(frozen=True, eq=False)
class SoundBoxes:
    """Boxes after the checks: positions of those kept, shape (N,), and their corners."""

    positions: Integers
    boxes: Boxes
    notes: tuple[str, ...]


def require_safe_name(path: Path, record: str, file_name: str) -> None:
    """Refuse an image name that is empty, absolute or leaves the image folder."""
    if _LEAVES_FOLDER.search(file_name):
        raise BadData(
            path,
            f"{record} names the image {quoted(file_name)}, which is not inside the image folder",
            "Use a name relative to the image folder, without '..'",
        )


def require_unique(path: Path, ids: Integers, name: str) -> None:
    """Refuse a list in which two records share an id."""
    # Sorted, equal ids lie side by side; stable, so that the later record is the repeat.
    order = np.argsort(ids, kind="stable")
    repeats = order[1:][ids[order][1:] == ids[order][:-1]]
    if len(repeats):
        second = int(repeats.min())
        first = int(np.flatnonzero(ids == ids[second])[0])
        raise BadData(
            path,
            f"{name}[{second}] has the id {ids[second]} of {name}[{first}]",
            "Give every record its own id",
        )


def rows_of(known: Integers, wanted: Integers) -> Integers:
    """The row of each wanted id among the `known` ones, shape of `wanted`; -1 if unknown."""
    if not len(known):
        return np.full(len(wanted), -1, dtype=np.int64)
    order = np.argsort(known, kind="stable")
    # An id above all known ones would be looked for one place behind the end.
    place = np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)
    return np.where(known[order[place]] == wanted, order[place], -1)


def _require_known(raw: RawBoxes, label_set: LabelSet) -> Integers:
    """Rows of the boxes' images in `label_set.images`, shape (N,)."""
    rows = rows_of(label_set.image_ids, raw.image_ids)
    if (rows < 0).any():
        missing = raw.image_ids[np.argmax(rows < 0)]
        raise raw.problem(
            rows < 0, f"belongs to image id {missing}, which is not listed", "List that image"
        )
    categories = np.array([category.id for category in label_set.categories], dtype=np.int64)
    unknown = ~np.isin(raw.category_ids, categories)
    if unknown.any():
        missing = raw.category_ids[np.argmax(unknown)]
        raise raw.problem(
            unknown, f"has category id {missing}, which is not listed", "List that category"
        )
    return rows


def _require_measurable(raw: RawBoxes) -> None:
    infinite = np.asarray(~np.isfinite(raw.boxes).all(axis=1))
    if infinite.any():
        raise raw.problem(
            infinite, "has a coordinate that is not a finite number", "Correct or remove the box"
        )
    negative = np.asarray((raw.boxes[:, 2:] < raw.boxes[:, :2]).any(axis=1))
    if negative.any():
        raise raw.problem(negative, "has a negative width or height", "Correct or remove the box")


def _empty_notes(raw: RawBoxes, empty: Integers) -> list[str]:
    notes = []
    for position in empty[:MOST_NOTES].tolist():
        path, record = raw.locate(position)
        corners = ", ".join(f"{value:g}" for value in raw.boxes[position])
        notes.append(f"{path}: {record} has no width or height ({corners}) and is left out.")
    if len(empty) > MOST_NOTES:
        rest = len(empty) - MOST_NOTES
        notes.append(f"{rest} more boxes have no width or height and are left out.")
    return notes


def _clip_note(raw: RawBoxes, clipped: Integers) -> str:
    path, record = raw.locate(int(clipped[0]))
    boxes = form(len(clipped), "box reaches", "boxes reach")
    return f"{path}: {len(clipped)} {boxes} beyond the image and were clipped, first {record}."


def sound_boxes(raw: RawBoxes, label_set: LabelSet) -> SoundBoxes:
    """Check boxes against the images and categories of `label_set`, clip them, drop empty ones.

    Raises
    ------
    BadData
        Naming file and record: see the rules at the top of this module.
    """
    rows = _require_known(raw, label_set)
    _require_measurable(raw)
    sizes = np.array([(i.width, i.height) for i in label_set.images], float).reshape(-1, 2)[rows]
    clipped = clip(raw.boxes, sizes[:, 0], sizes[:, 1])
    empty = (raw.boxes[:, 2:] == raw.boxes[:, :2]).any(axis=1)
    # Wholly outside there is nothing to clip to; most often boxes and image sizes do not belong
    # together, which must be said.
    outside = (clipped[:, 2:] == clipped[:, :2]).any(axis=1) & ~empty
    if outside.any():
        raise raw.problem(outside, "lies wholly outside its image", "Correct or remove the box")
    notes = _empty_notes(raw, np.flatnonzero(empty))
    # Files of rounded numbers stick out by hundredths of a pixel; that is worth no word.
    moved = np.flatnonzero((np.abs(clipped - raw.boxes) > ROUNDING).any(axis=1) & ~empty)
    if len(moved):
        notes.append(_clip_note(raw, moved))
    kept = np.flatnonzero(~empty)
    return SoundBoxes(kept, clipped[kept], tuple(notes))


def sound_labels(raw: RawBoxes, ids: Integers, label_set: LabelSet) -> Reading:
    """`label_set` with the boxes of `raw` as its labels, after every check on boxes.

    `ids`, int64 of shape (N,), is the identity of each box, unique (`require_unique` checks that).
    """
    sound = sound_boxes(raw, label_set)
    labels = Labels(
        raw.image_ids[sound.positions],
        raw.category_ids[sound.positions],
        sound.boxes,
        ids[sound.positions],
    )
    return Reading(label_set.with_labels(labels), sound.notes, sound.positions)


def stem_of(file_name: str) -> str:
    """The image's name without its suffix, folders kept."""
    return PurePosixPath(file_name).with_suffix("").as_posix()


def subset_rows(
    where: Path, file_names: Sequence[str], subset: Collection[str] | None
) -> list[int]:
    """Rows of the images that `subset` lists by stem, by stem with folder, or by file name.

    All rows where `subset` is ``None``.

    Raises
    ------
    BadData
        When it lists an image that `where` does not have.
    """
    if subset is None:
        return list(range(len(file_names)))
    wanted = set(subset)
    found: set[str] = set()
    rows = []
    for row, name in enumerate(file_names):
        hits = wanted & {name, stem_of(name), PurePosixPath(name).stem}
        found |= hits
        if hits:
            rows.append(row)
    missing = sorted(wanted - found)
    if missing:
        raise BadData(
            where,
            f"has no image {quoted(missing[0])}, one of {len(missing)} in the subset it lacks",
            "Correct the list of images",
        )
    return rows


def require_same_images(
    first: LabelSet, first_path: Path, second: LabelSet, second_path: Path, *, subset: bool = False
) -> None:
    """Refuse two label files that do not speak of the same images and categories.

    Images correspond by id and must agree in size and in file name (folders aside).
    Categories that share an id must share the name. A `subset` may list only a part of the images
    of `first`.

    Raises
    ------
    BadData
        Naming the first image or category on which they disagree.
    """
    ours = {image.id: image for image in first.images}
    theirs = {image.id: image for image in second.images}
    for image in second.images:
        if image.id not in ours:
            raise _not_listed(image, second_path, first_path)
        _require_agreement(ours[image.id], first_path, image, second_path)
    for image in () if subset else first.images:
        if image.id not in theirs:
            raise _not_listed(image, first_path, second_path)
    names = {category.id: category.name for category in first.categories}
    for category in second.categories:
        known = names.get(category.id, category.name)
        if known != category.name:
            raise BadData(
                second_path,
                f"calls category {category.id} {quoted(category.name)}, "
                f"but {first_path} calls it {quoted(known)}",
                "Give the same category the same id and name in both",
            )


def _not_listed(image: ImageRecord, has: Path, lacks: Path) -> BadData:
    return BadData(
        lacks,
        f"does not list image {image.id} ({quoted(image.file_name)}), which {has} lists",
        SAME_IMAGES,
    )


def _require_agreement(
    ours: ImageRecord, first_path: Path, theirs: ImageRecord, second_path: Path
) -> None:
    if (ours.width, ours.height) != (theirs.width, theirs.height):
        raise BadData(
            second_path,
            f"gives image {theirs.id} ({quoted(theirs.file_name)}) {theirs.width}×{theirs.height} "
            f"pixels, but {first_path} gives it {ours.width}×{ours.height}",
            SAME_IMAGES,
        )
    if PurePosixPath(ours.file_name).name != PurePosixPath(theirs.file_name).name:
        raise BadData(
            second_path,
            f"names image {theirs.id} {quoted(theirs.file_name)}, "
            f"but {first_path} names it {quoted(ours.file_name)}",
            SAME_IMAGES,
        )


def numbered_categories(names: Sequence[str]) -> tuple[Category, ...]:
    """Categories called `names`, with ids counted from 1."""
    return tuple(Category(number, name) for number, name in enumerate(names, start=1))


def aligned(reference: LabelSet, other: LabelSet, path: Path) -> LabelSet:
    """`other` with the ids that `reference` uses for the same images and categories.

    Images and categories that `reference` lacks get ids behind its own. `other` was read from
    `path`.

    Raises
    ------
    BadData
        When both list an image with different sizes.
    """
    known = {image.file_name: image for image in reference.images}
    for image in other.images:
        _require_size(known.get(image.file_name, image), image, path)
    image_ids = _ids(
        {image.file_name: image.id for image in reference.images},
        [image.file_name for image in other.images],
    )
    category_ids = _ids(
        {category.name: category.id for category in reference.categories},
        [category.name for category in other.categories],
    )
    old_categories = np.array([category.id for category in other.categories], dtype=np.int64)
    labels = replace(
        other.labels,
        image_ids=image_ids[rows_of(other.image_ids, other.labels.image_ids)],
        category_ids=category_ids[rows_of(old_categories, other.labels.category_ids)],
    )
    images = zip(other.images, image_ids.tolist(), strict=True)
    categories = zip(other.categories, category_ids.tolist(), strict=True)
    return LabelSet(
        tuple(replace(image, id=new) for image, new in images),
        tuple(replace(category, id=new) for category, new in categories),
        labels,
    )


def require_images(reference: LabelSet, other: LabelSet, path: Path, what: str) -> None:
    """Refuse `other` where it lists an image that `reference` does not have."""
    known = {image.file_name for image in reference.images}
    for image in other.images:
        if image.file_name not in known:
            raise BadData(
                path, f"lists the image '{image.file_name}', which {what} do not list", SAME_IMAGES
            )


def _require_size(ours: ImageRecord, theirs: ImageRecord, path: Path) -> None:
    if (ours.width, ours.height) != (theirs.width, theirs.height):
        raise BadData(
            path,
            f"says that '{theirs.file_name}' has {theirs.width}×{theirs.height} pixels, the "
            f"crowd's labels say {ours.width}×{ours.height}",
            SAME_IMAGES,
        )


def _ids(known: dict[str, int], names: Sequence[str]) -> Integers:
    # Ids beyond those of the reference, so that what is new meets none of them.
    free = count(max(known.values(), default=0) + 1)
    known = dict(known)
    for name in names:
        if name not in known:
            known[name] = next(free)
    return np.array([known[name] for name in names], dtype=np.int64)

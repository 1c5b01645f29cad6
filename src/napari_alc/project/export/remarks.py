"""What an export says of unsure boxes, notes and flags: in COCO, in the datasheet, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from napari_alc.errors import Refused
from napari_alc.project.annotation.remarks import counts_by_flag, flag_record, remark_record
from napari_alc.project.label_sets import CleanLabels, UnsureRule
from napari_alc.wording import Refusal, counted, form, listed, shortened

MOST_NAMED = 5
"""Images that a sentence names; of more it tells how many."""

FLAG_WORDS = {"bad picture": "a bad picture", "wrong tissue": "the wrong tissue"}
"""Flags that leave an image in the dataset, as a sentence says them."""


def require_settled(clean: CleanLabels, rule: UnsureRule | None) -> None:
    """Refuse an export with boxes that nobody has settled, unless it was said what becomes of them.

    Raises
    ------
    Refused
        When there are such boxes and no rule.
    """
    if rule is None and clean.unsure:
        boxes = counted(len(clean.unsure), "box is", "boxes are")
        images = counted(len({image_id for image_id, _ in clean.unsure}), "image")
        raise Refused(Refusal.UNSETTLED, boxes, images)


def annotation_keys(clean: CleanLabels) -> list[dict[str, object]]:
    """Further keys of each COCO annotation: its origin, and ``attributes`` where there are any."""
    said = {box.id: remark_record(box) for _, box in clean.remarked}
    return [
        {**asdict(origin), **({"attributes": said[label]} if label in said else {})}
        for label, origin in zip(clean.label_set.labels.ids.tolist(), clean.origins, strict=True)
    ]


def image_keys(clean: CleanLabels) -> dict[int, dict[str, object]]:
    """Further keys of COCO images by id: ``flags`` where there are any."""
    return {
        one.image.id: {"flags": [flag_record(flag) for flag in one.flags]} for one in clean.flagged
    }


def sheet_part(clean: CleanLabels, rule: UnsureRule | None) -> dict[str, Any]:
    """What the datasheet says; nothing where there is nothing to say."""
    names = {image.id: image.file_name for image in clean.label_set.images}
    kinds = {category.id: category.name for category in clean.label_set.categories}
    remarks = [
        {
            "file_name": names[image_id],
            "box_id": box.id,
            "category": kinds[box.category_id],
            "corners": list(box.corners),
            **remark_record(box),
        }
        for image_id, box in clean.remarked
    ]
    part = {
        "unsure": {"boxes": len(clean.unsure), "rule": rule} if clean.unsure and rule else None,
        "remarks": remarks,
        "flags": [record for image in clean.flagged for record in image.records()],
    }
    return {name: value for name, value in part.items() if value}


def sentences(clean: CleanLabels, formats: Mapping[str, str], rule: UnsureRule | None) -> list[str]:
    """What to tell of an export: what was left out, and what some formats cannot carry.

    `formats` are titles by name.
    """
    return [
        *_unsure_words(clean, rule),
        *_excluded_words(clean),
        *_flag_words(clean),
        *_not_carried(clean, formats),
    ]


def _unsure_words(clean: CleanLabels, rule: UnsureRule | None) -> Iterator[str]:
    number = len(clean.unsure)
    if number and rule is UnsureRule.KEEP:
        boxes = counted(number, "box that is", "boxes that are")
        yield f"{boxes} marked as unsure {form(number, 'is', 'are')} in the files as things stand."
    elif number:
        boxes = counted(number, "box that is", "boxes that are")
        yield f"{boxes} marked as unsure {form(number, 'was', 'were')} left out."


def _excluded_words(clean: CleanLabels) -> Iterator[str]:
    names = [one.image.file_name for one in clean.flagged if one.is_excluded]
    if names:
        images = counted(len(names), "image is", "images are")
        yield f"{images} left out of the dataset: {shortened(names, MOST_NAMED)}."


def _flag_words(clean: CleanLabels) -> Iterator[str]:
    there = [one for one in clean.flagged if not one.is_excluded]
    for kind, number in counts_by_flag(there).items():
        images = counted(number, "image is", "images are")
        yield f"{images} flagged as {FLAG_WORDS[kind]} and in the files all the same."


def _not_carried(clean: CleanLabels, formats: Mapping[str, str]) -> Iterator[str]:
    # formats but COCO hold boxes and their categories only
    titles = [title for name, title in formats.items() if name != "coco"]
    written = set(clean.label_set.labels.ids.tolist())
    boxes = [box for _, box in clean.remarked if box.id in written]
    flags = sum(len(one.flags) for one in clean.flagged if not one.is_excluded)
    counts = {
        "unsure mark": sum(box.unsure is not None for box in boxes),
        "note": sum(box.note is not None for box in boxes),
        "image flag": flags,
    }
    lost = [counted(number, what) for what, number in counts.items() if number]
    if titles and lost:
        where = "the COCO file and the datasheet have" if "coco" in formats else "the datasheet has"
        yield f"{listed(titles)} cannot carry {listed(lost)}; {where} them."


def sheet_words(sheet: Mapping[str, Any]) -> list[str]:
    """What the datasheet says, in sentences for people."""
    found = []
    if "unsure" in sheet:
        number, rule = sheet["unsure"]["boxes"], UnsureRule(sheet["unsure"]["rule"])
        fate = "in it as they stand" if rule is UnsureRule.KEEP else "left out"
        boxes = counted(number, "box was", "boxes were")
        found.append(f"{boxes} marked as unsure when it was made; they are {fate}.")
    out = [one["file_name"] for one in sheet.get("flags", ()) if one["flag"] == "exclude"]
    if out:
        found.append(f"{counted(len(out), 'image is', 'images are')} left out of the dataset.")
    return found

"""What a new project would be made of, looked at before it is made; knows no Qt."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from napari_alc.boxes import Boxes
from napari_alc.errors import BadData
from napari_alc.formats.anyformat import read_labels
from napari_alc.formats.images import find_images
from napari_alc.formats.reading import Reading
from napari_alc.labels import LabelSet
from napari_alc.project.reporting.contact_sheet import Style, draw_example
from napari_alc.project.steps.create import CleanUse, Sources, turned_words
from napari_alc.wording import counted, form, shortened


@dataclass(frozen=True)
class Inputs:
    """The files that a person chose."""

    images: Path
    crowd: Path
    clean: Path | None = None
    clean_use: CleanUse = "validation"


@dataclass(frozen=True)
class Preview:
    """What the project would be made of, in plain words too.

    The notes tell of boxes that were clipped or left out. The picture, a PNG, shows one image with
    its labels; it is empty where no image has any.
    """

    sources: Sources
    lines: tuple[str, ...]
    notes: tuple[str, ...]
    picture: bytes = b""


def look(inputs: Inputs) -> Preview:
    """Read the labels and count what is there.

    Raises
    ------
    BadData
        When a folder holds no images, labels cannot be used, or an image that they list is
        absent or of another size.
    """
    images = find_images(inputs.images)
    crowd = read_labels(inputs.crowd, inputs.images)
    clean = None if inputs.clean is None else read_labels(inputs.clean, inputs.images)
    sources = Sources(
        images=inputs.images,
        crowd=crowd.label_set,
        crowd_path=inputs.crowd,
        clean=clean.label_set if clean else None,
        clean_path=inputs.clean or Path("clean labels"),
        clean_use=inputs.clean_use,
    )
    lines = [f"Folder: {counted(len(images), 'image')}.", f"Crowd: {_described(crowd.label_set)}"]
    unlabelled = len(images) - len(crowd.label_set.images)
    if clean is not None:
        lines.append(f"Expert: {_described(clean.label_set)}")
    elif unlabelled > 0:
        lines.append(f"{counted(unlabelled, 'image')} without labels will be left out.")
    notes = (*turned_words(sources), *_notes(inputs, crowd, clean))
    try:
        picture = _example(sources)
    except BadData as error:  # All the others may be whole; making the project reads none of them.
        return Preview(sources, tuple(lines), (str(error), *notes))
    return Preview(sources, tuple(lines), notes, picture)


OF_CROWD = Style("drawn by the crowd", "#f0e442")
OF_EXPERT = Style("drawn by the expert", "#56b4e9", "--")

PICTURE_INCHES = 4.2
"""Wide enough for the letters to be legible in a dock of 420 pixels."""


def _example(sources: Sources) -> bytes:
    """One image with its labels, of crowd and expert where it has both; empty without labels."""
    crowd = _boxes_by_name(sources.crowd)
    expert = _boxes_by_name(sources.clean) if sources.clean else {}
    labelled = [image for image in sources.crowd.images if image.file_name in crowd]
    if not labelled:
        return b""
    chosen = next((image for image in labelled if image.file_name in expert), labelled[0])
    name, drawn = chosen.file_name, ((OF_CROWD, crowd), (OF_EXPERT, expert))
    marks = {style: boxes[name] for style, boxes in drawn if name in boxes}
    return draw_example(sources.images / name, chosen, marks, PICTURE_INCHES)


def _boxes_by_name(labels: LabelSet) -> dict[str, Boxes]:
    names = {image.id: image.file_name for image in labels.images}
    return {names[number]: found.boxes for number, found in labels.labels.by_image().items()}


NEARLY_ALL = 0.8
"""Share of first images from which little is left to save anybody's time on."""

FEW = 0.25
"""Share of first images that is proposed instead."""


def first_images_words(sources: Sources, initial: int) -> str:
    """That nearly all images would be first images, and what to change; else empty."""
    images = {image.file_name for image in sources.crowd.images}
    listed = {image.file_name for image in sources.clean.images} if sources.clean else set()
    is_labelled = sources.clean is not None and sources.clean_use == "initial"
    images = images if is_labelled else images - listed
    first, every = len(images & listed) if is_labelled else min(initial, len(images)), len(images)
    if not every or first < NEARLY_ALL * every:
        return ""
    left = every - first
    return FIRST_WORDS[is_labelled].format(
        first=f"{first:,} of {every:,} images" if left else f"All {counted(every, 'image')}",
        left=f"only {left:,} {form(left, 'is', 'are')}" if left else "none is",
        few=max(1, round(FEW * every)),
    )


FIRST_WORDS = {
    False: "{first} would be first images, which the pathologists label whole: {left} "
    "left for the detectors to clean. Set First images to fewer, such as {few}.",
    True: "{first} would be first images, as the expert labels list them: {left} left for the "
    "detectors to clean. Give expert labels of fewer images, or choose that they are for measuring "
    "the detectors.",
}
"""By whether they are labelled already."""


MOST_NAMED = 6
"""Categories, at most, that are named."""


def _described(labels: LabelSet) -> str:
    names = shortened([category.name for category in labels.categories], MOST_NAMED, ",")
    return (
        f"{counted(len(labels.labels), 'box')} in {counted(len(labels.images), 'image')}; "
        f"categories: {names or 'none'}."
    )


def _notes(inputs: Inputs, crowd: Reading, clean: Reading | None) -> tuple[str, ...]:
    """What was mended, with paths as seen from the labels' folder."""
    notes = [note.replace(f"{inputs.crowd}{os.sep}", "") for note in crowd.notes]
    if clean is not None and inputs.clean is not None:
        notes += [note.replace(f"{inputs.clean}{os.sep}", "") for note in clean.notes]
    return tuple(notes)

"""What a new project would be made of, looked at before it is made; knows no Qt."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from napari_alc.formats.anyformat import read_labels
from napari_alc.formats.images import find_images
from napari_alc.formats.reading import Reading
from napari_alc.labels import LabelSet
from napari_alc.project.steps.create import CleanUse, Sources, turned_words
from napari_alc.wording import counted, shortened


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

    The notes tell of boxes that were clipped or left out.
    """

    sources: Sources
    lines: tuple[str, ...]
    notes: tuple[str, ...]


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
    return Preview(sources, tuple(lines), notes)


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

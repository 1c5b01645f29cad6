"""Between label formats: the command `convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_alc.errors import BadData
from napari_alc.formats.anyformat import Kind, read_labels, write_labels
from napari_alc.formats.folders import read_stems
from napari_alc.labels import LabelSet


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Labels to read.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="File or folder to write.")],
    images: Annotated[
        Path | None, typer.Option(help="Image folder; needed to read YOLO, else checked.")
    ] = None,
    to: Annotated[
        Kind | None, typer.Option(help="Format of OUT; COCO if its name ends in .json.")
    ] = None,
    subset: Annotated[
        Path | None, typer.Option(help="Text file of the images to keep, one name a line.")
    ] = None,
) -> None:
    """Convert labels between COCO (.json), Pascal VOC (folder of .xml) and YOLO (folder of .txt).

    Example: napari-alc convert Annotations crowd.json --subset ImageSets/Main/train.txt
    """
    kind = to or _kind_of(target)
    if source.resolve() == target.resolve():
        raise BadData(target, "is read and written at once", "Choose another place to write to")
    reading = read_labels(source, images, read_stems(subset) if subset is not None else None)
    label_set = reading.label_set
    write_labels(target, label_set, kind)
    for note in reading.notes:
        typer.echo(note, err=True)
    if kind == "voc":
        _tell_lost_categories(label_set)
    typer.echo(
        f"{target}: {len(label_set.labels)} boxes on {len(label_set.images)} images.", err=True
    )


def _kind_of(target: Path) -> Kind:
    if target.suffix.lower() == ".json":
        return "coco"
    raise typer.BadParameter(f"{target} does not tell the format: add --to coco, voc or yolo.")


def _tell_lost_categories(label_set: LabelSet) -> None:
    used = set(label_set.labels.category_ids.tolist())
    for category in label_set.categories:
        if category.id not in used:
            typer.echo(f"Category '{category.name}' has no box; VOC cannot hold it.", err=True)

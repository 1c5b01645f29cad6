"""What people say besides their decisions: unsure boxes and notes, and flags on images."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from enum import StrEnum
from typing import Annotated

import typer

from napari_alc.commands.running import AsJson, Person, ProjectFolder, tell
from napari_alc.project.annotation.remarks import (
    FlaggedImage,
    RemarkedBox,
    RemarkList,
    flag_image,
    flagged_images,
    remarked_boxes,
    unflag_image,
)
from napari_alc.project.project import Project
from napari_alc.project.readers.second_reader import hand_over, is_own, take_back
from napari_alc.project.steps.overrides import image_named
from napari_alc.project.storage.records import FlagKind
from napari_alc.wording import blind_words, counted, handed_words, remarks_words


def unsure(
    project: ProjectFolder,
    for_: Annotated[
        str | None, typer.Option("--for", help="Only boxes that this person is asked to look at.")
    ] = None,
    hand_to: Annotated[
        str | None, typer.Option(help="Ask this person to look at the boxes listed.")
    ] = None,
    back: Annotated[
        bool, typer.Option("--take-back", help="Ask nobody to look at the boxes listed.")
    ] = False,
    person: Person = None,
    as_json: AsJson = False,
) -> None:
    """List the boxes that somebody is unsure about or wrote a note on, and the flagged images.

    Example: napari-alc unsure study --hand-to Bob
    """
    if back and hand_to is not None:
        raise typer.BadParameter("--hand-to and --take-back exclude each other.")
    who = person or getpass.getuser()
    with closing(Project.open(project)) as opened:
        rows = _chosen(remarked_boxes(opened), for_)
        if hand_to is not None:
            _hand(opened, rows, hand_to, who)
        elif back:
            take_back(opened, [row.key for row in rows], who)
        found, flagged = remarked_boxes(opened), flagged_images(opened)
    rows = _chosen(found, None if back else for_)
    if as_json:
        flags = [record for image in flagged for record in image.records()]
        boxes = [row.record() for row in rows]
        typer.echo(json.dumps({"boxes": boxes, "in_readings": found.blind, "flags": flags}))
        return
    for line in (*map(_box_line, rows), *_flag_lines(flagged)):
        typer.echo(line)
    tell(_summary(found, rows))


def _chosen(found: RemarkList, reader: str | None) -> tuple[RemarkedBox, ...]:
    return found.rows if reader is None else found.of_reader(reader)


def _hand(project: Project, rows: Sequence[RemarkedBox], reader: str, person: str) -> None:
    others = [row.key for row in rows if not is_own(row, reader)]
    hand_over(project, others, reader, person)
    tell(handed_words(reader, len(others), len(rows) - len(others)))


def _box_line(row: RemarkedBox) -> str:
    x1, y1, x2, y2 = (round(value) for value in row.box.corners)
    parts = [f"{row.task.file_name}  box {row.box.id}  {row.category} at {x1}, {y1} to {x2}, {y2}"]
    if row.box.unsure is not None:
        parts.append(f"{row.box.unsure.person} is unsure")
    if row.box.note is not None:
        parts.append(f"{row.box.note.person}: {' '.join(row.box.note.text.split())}")
    if row.second is not None:
        parts.append(f"waits for {row.second.reader}")
    return "  ".join(parts)


def _flag_lines(images: Sequence[FlaggedImage]) -> Iterator[str]:
    for image in images:
        for flag in image.flags:
            words = f": {' '.join(flag.words.split())}" if flag.words else ""
            yield f"{image.image.file_name}  {flag.kind.value}, by {flag.person}{words}"


def _summary(found: RemarkList, rows: Sequence[RemarkedBox]) -> Iterator[str]:
    marked = sum(row.box.unsure is not None for row in rows)
    noted = sum(row.box.note is not None for row in rows)
    yield remarks_words(marked, noted)
    if found.blind:
        yield blind_words(found.blind)


class FlagName(StrEnum):
    """A flag as it is typed."""

    BAD_PICTURE = "bad-picture"
    WRONG_TISSUE = "wrong-tissue"
    EXCLUDE = "exclude"

    @property
    def kind(self) -> FlagKind:
        """The flag that is stored."""
        return FlagKind(self.value.replace("-", " "))


def flag(
    project: ProjectFolder,
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="File name of the image.")],
    kind: Annotated[FlagName, typer.Argument(metavar="FLAG", help="What is said about it.")],
    words: Annotated[str, typer.Option(help="Why; kept with the flag and shown.")] = "",
    person: Person = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take the flag off.")] = False,
) -> None:
    """Flag an image: bad-picture, wrong-tissue, or exclude, which leaves it out of the dataset.

    Example: napari-alc flag study slide7.tif exclude --words "not the glomerulus"
    """
    who = person or getpass.getuser()
    with closing(Project.open(project)) as opened:
        image_id = image_named(opened, image)
        if undo:
            unflag_image(opened, image_id, kind.kind, who)
        else:
            flag_image(opened, image_id, kind.kind, who, words)
        out = sum(one.is_excluded for one in flagged_images(opened))
    verb = "is not flagged any more as" if undo else "is flagged as"
    tell([f"{image} {verb} '{kind.kind.value}'. {_left_out(out)}"])


def _left_out(number: int) -> str:
    if not number:
        return "No image is left out of the dataset."
    return f"{counted(number, 'image is', 'images are')} left out of the dataset."

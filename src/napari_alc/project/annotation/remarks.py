"""What people say besides their decisions: unsure boxes and notes across images, and flags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from napari_alc.errors import AlcError
from napari_alc.labels import ImageRecord
from napari_alc.project.annotation.document import valid_words
from napari_alc.project.project import Project
from napari_alc.project.storage.database import UnitOfWork
from napari_alc.project.storage.notes import BoxKey
from napari_alc.project.storage.records import (
    BoxState,
    FlagKind,
    ImageFlag,
    ReviewBox,
    SecondReading,
    Task,
)
from napari_alc.project.storage.repository import now


@dataclass(frozen=True)
class RemarkedBox:
    """A box that somebody is unsure about or wrote a note on, and who is to look at it again.

    Nobody is (`second` is None) where nobody was asked, or the box was decided or marked since.
    """

    task: Task
    box: ReviewBox
    category: str
    second: SecondReading | None = None

    @property
    def key(self) -> BoxKey:
        """The box's identity across tasks."""
        return self.task.id, self.box.id

    @property
    def author(self) -> str:
        """Who is unsure, else who wrote the note."""
        said = self.box.unsure or self.box.note
        return "" if said is None else said.person

    def record(self) -> dict[str, object]:
        """All of it by name, as commands and reports hold it; times in ISO 8601."""
        return {
            "image_id": self.task.image_id,
            "file_name": self.task.file_name,
            "box_id": self.box.id,
            "category": self.category,
            "corners": list(self.box.corners),
            "state": self.box.state.value,
            "unsure": False,
            "note": "",
            **remark_record(self.box),
            "second_reader": "" if self.second is None else self.second.reader,
        }


def remark_record(box: ReviewBox) -> dict[str, object]:
    """Mark and note of a box by name; only what there is."""
    found: dict[str, object] = {}
    if box.unsure is not None:
        at = _iso(box.unsure.at)
        found |= {"unsure": True, "unsure_by": box.unsure.person, "unsure_at": at}
    if box.note is not None:
        at = _iso(box.note.at)
        found |= {"note": box.note.text, "note_by": box.note.person, "note_at": at}
    return found


def _iso(moment: datetime) -> str:
    # In UTC whatever the database's clock shows: files that are made again are the same.
    return moment.astimezone(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class RemarkList:
    """Boxes with a mark or a note, in queue order; deleted ones are none.

    So many others (`blind`) are in readings that are not done: nobody else sees them until then.
    """

    rows: tuple[RemarkedBox, ...]
    blind: int = 0

    @property
    def unsure(self) -> tuple[RemarkedBox, ...]:
        """Those that somebody is unsure about."""
        return tuple(row for row in self.rows if row.box.unsure is not None)

    def of_reader(self, reader: str) -> tuple[RemarkedBox, ...]:
        """Those that somebody is asked to look at again."""
        return tuple(row for row in self.rows if row.second and row.second.reader == reader)


def remarked_boxes(project: Project, person: str = "") -> RemarkList:
    """Every box that somebody is unsure about or wrote a note on, as `person` may see them.

    In images that several people read, the person's own until all have finished; then those of
    the consensus task, where the readers' notes stand too. Images that are left out are not there.
    """
    with project.store.transaction() as unit:
        tasks = {task.id: task for task in unit.tasks.queue_of(person) if not task.is_excluded}
        read = {(t.image_id, t.step) for t in tasks.values() if not t.is_reading}
        seen = {
            task_id: task
            for task_id, task in tasks.items()
            if not (task.is_reading and (task.image_id, task.step) in read)
        }
        return _listed(unit, seen)


def _listed(unit: UnitOfWork, seen: Mapping[int, Task]) -> RemarkList:
    keys = {*unit.decisions.unsure(), *unit.notes.current()}
    here = sorted({task_id for task_id, _ in keys} & seen.keys())
    categories = {category.id: category.name for category in unit.images.categories()}
    asked = unit.second_readings.current()
    rows = [
        RemarkedBox(
            seen[task_id],
            box,
            categories[box.category_id],
            _waiting(box, asked.get((task_id, box.id))),
        )
        for task_id, box in (unit.decisions.current_boxes(here) if here else ())
        if (task_id, box.id) in keys and box.state is not BoxState.DELETED
    ]
    places = {task_id: place for place, task_id in enumerate(seen)}
    rows.sort(key=lambda row: (places[row.task.id], row.box.id))
    return RemarkList(tuple(rows), unit.readings.count_blind(keys - {row.key for row in rows}))


def _waiting(box: ReviewBox, asked: SecondReading | None) -> SecondReading | None:
    """Who is asked, unless the box was decided or marked anew since."""
    if asked is None or (box.decided_at is not None and box.decided_at > asked.at):
        return None
    return None if box.unsure is not None and box.unsure.at > asked.at else asked


@dataclass(frozen=True)
class FlaggedImage:
    """An image that people said something about as a whole."""

    image: ImageRecord
    flags: tuple[ImageFlag, ...]

    @property
    def is_excluded(self) -> bool:
        """Whether it is left out of the dataset."""
        return any(flag.kind is FlagKind.EXCLUDE for flag in self.flags)

    def records(self) -> list[dict[str, str]]:
        """Its flags by name, as commands and reports hold them; times in ISO 8601."""
        return [{"file_name": self.image.file_name, **flag_record(flag)} for flag in self.flags]


def flag_record(flag: ImageFlag) -> dict[str, str]:
    """A flag by name."""
    return {"flag": flag.kind.value, "words": flag.words, "by": flag.person, "at": _iso(flag.at)}


def flagged_images(project: Project) -> tuple[FlaggedImage, ...]:
    """Every image with a flag, by id."""
    with project.store.transaction() as unit:
        return flagged(unit, unit.flags.all())


def flagged(
    unit: UnitOfWork, flags: Mapping[int, tuple[ImageFlag, ...]]
) -> tuple[FlaggedImage, ...]:
    """The images of some flags."""
    return tuple(FlaggedImage(unit.images.image(i), found) for i, found in flags.items())


def flag_image(
    project: Project, image_id: int, kind: FlagKind, person: str, words: str = ""
) -> None:
    """Say something about an image as a whole, outside the review.

    Raises
    ------
    Refused
        When the words are too long to be kept.
    """
    flag = ImageFlag(kind, valid_words(words), person, now())
    with project.store.transaction() as unit:
        unit.flags.add(image_id, kind, flag, person, flag.at)


def unflag_image(project: Project, image_id: int, kind: FlagKind, person: str) -> None:
    """Take a flag off an image; that it was set stays in the history.

    Raises
    ------
    AlcError
        When it is not set.
    """
    with project.store.transaction() as unit:
        if kind not in [flag.kind for flag in unit.flags.of(image_id)]:
            raise AlcError(f"This image is not flagged as '{kind}'.")
        unit.flags.add(image_id, kind, None, person, now())


def counts_by_flag(images: Iterable[FlaggedImage]) -> dict[FlagKind, int]:
    """How many images have each flag; only flags that some have."""
    kinds = [flag.kind for image in images for flag in image.flags]
    return {kind: kinds.count(kind) for kind in FlagKind if kind in kinds}

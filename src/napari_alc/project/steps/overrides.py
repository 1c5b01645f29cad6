"""What people change in the ranking by hand, and what the next images would cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice

from sqlalchemy import func, insert, select

from napari_alc.errors import AlcError
from napari_alc.project.annotation.tasks import WHOLE_IMAGE, audited_images
from napari_alc.project.annotation.time_spent import time_spent
from napari_alc.project.project import Project
from napari_alc.project.status import has_predicted, status
from napari_alc.project.steps.rank import keep_ranking
from napari_alc.project.storage import schema
from napari_alc.project.storage.database import now
from napari_alc.wording import counted

OUT, IN, UNDONE = "out", "in", "undone"
"""Kinds of choices; the newest one of an image holds."""

NOT_YET = "There is no ranking yet: both detectors have to look at the remaining images first."


@dataclass(frozen=True)
class Override:
    """A person's choice about one image.

    Parameters
    ----------
    kind
        ``"out"`` or ``"in"``.
    person, reason
        Who made it, and why.
    """

    kind: str
    person: str
    reason: str


@dataclass(frozen=True)
class RankedImage:
    """An image of the ranking.

    Parameters
    ----------
    rank
        Its place, counted from 1.
    score
        SCORE (Eq. 2), 0 and more.
    red, green, pink, gray
        Boxes of each region.
    offered
        Boxes that its review would show.
    choice, person, reason
        What a person chose about it, who, and why; empty where nobody did.
    """

    image_id: int
    file_name: str
    rank: int
    score: float
    red: int
    green: int
    pink: int
    gray: int
    offered: int
    choice: str = ""
    person: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Ranking:
    """The images that can be handed out next, the most urgent first.

    Parameters
    ----------
    iteration
        i of the models that looked at them.
    rows
        All images of X without X^i, but those of an audit.
    """

    iteration: int
    rows: tuple[RankedImage, ...]

    def chosen(self, k: int) -> tuple[RankedImage, ...]:
        """The next `k` images: those added by hand, then the first ones not taken out.

        More than `k` where more were added.
        """
        added = [row for row in self.rows if row.choice == IN]
        others = (row for row in self.rows if row.choice == "")
        return (*added, *islice(others, max(k - len(added), 0)))


@dataclass(frozen=True)
class Cost:
    """What a review would cost.

    Parameters
    ----------
    images, boxes
        How many there are to be looked at.
    minutes
        At the pace of the whole images reviewed so far; None where no time was measured.
    """

    images: int
    boxes: int
    minutes: float | None

    @property
    def words(self) -> str:
        """Boxes and minutes in words."""
        boxes = f"about {counted(self.boxes, 'box')}"
        if self.minutes is None:
            return f"{boxes}; how long a box takes is not measured yet"
        return f"{boxes}, about {counted(max(1, round(self.minutes)), 'minute')}"


def ranked(project: Project) -> Ranking:
    """The ranking as it stands, with what people chose; made where it is not there yet.

    Raises
    ------
    AlcError
        When the detectors have not looked at the remaining images yet.
    """
    return _ranking(project, _iteration(project))


def chosen_images(project: Project, iteration: int, k: int) -> tuple[int, ...]:
    """Ids of the next `k` images of a ranking that is kept already."""
    return tuple(row.image_id for row in _ranking(project, iteration).chosen(k))


def cost(project: Project, k: int) -> Cost:
    """What the next `k` images would cost to review."""
    return cost_of(project, ranked(project), k)


def cost_of(project: Project, ranking: Ranking, k: int) -> Cost:
    """`cost` with a ranking that is at hand."""
    rows = ranking.chosen(k)
    boxes = sum(row.offered for row in rows)
    pace = seconds_a_box(project)
    return Cost(len(rows), boxes, None if pace is None else boxes * pace / 60)


def seconds_a_box(project: Project) -> float | None:
    """Seconds that a box of a whole image has taken so far, of everybody; None if unknown."""
    seconds = time_spent(project).by_step.get(WHOLE_IMAGE, 0.0)
    t, d = schema.task.c, schema.decision.c
    query = (
        select(func.count(func.distinct(d.box_id)))
        .join(schema.task, t.id == d.task_id)
        .where(t.step == WHOLE_IMAGE, t.id.in_(select(schema.spent.c.task_id)))
    )
    boxes = int(project.store.value(query))
    return seconds / boxes if seconds and boxes else None


def take_out(project: Project, image_id: int, person: str, reason: str) -> None:
    """Keep an image from being handed out next.

    Raises
    ------
    AlcError
        When no reason is given, or the image is not in the ranking.
    """
    _choose(project, image_id, OUT, person, reason)


def add(project: Project, image_id: int, person: str, reason: str) -> None:
    """Hand an image out next, whatever its rank (errors as of `take_out`)."""
    _choose(project, image_id, IN, person, reason)


def undo(project: Project, image_id: int, person: str) -> None:
    """Leave an image to its rank again; what was chosen before stays in the history.

    Raises
    ------
    AlcError
        When nobody chose anything about it.
    """
    iteration = _iteration(project)
    if image_id not in overrides_of(project, iteration):
        raise AlcError("Nothing was chosen by hand about this image.")
    _store(project, iteration, image_id, UNDONE, person, "")


def image_named(project: Project, file_name: str) -> int:
    """Id of an image.

    Raises
    ------
    AlcError
        When the project has no image of that name.
    """
    c = schema.image.c
    found = project.store.value(select(c.id).where(c.file_name == file_name))
    if found is None:
        raise AlcError(f"The project has no image '{file_name}'.")
    return int(found)


def overrides_of(project: Project, iteration: int) -> Mapping[int, Override]:
    """What people chose in a ranking, by image id."""
    c = schema.choice.c
    newest = select(func.max(c.id)).where(c.iteration == iteration).group_by(c.image_id)
    query = select(c.image_id, c.kind, c.person, c.reason).where(c.id.in_(newest))
    return {
        image_id: Override(kind, person, reason)
        for image_id, kind, person, reason in project.store.rows(query)
        if kind != UNDONE
    }


def _iteration(project: Project) -> int:
    found = status(project)
    if found.corrected or not has_predicted(project, found.iteration):
        raise AlcError(NOT_YET if not found.corrected else _TOO_LATE)
    keep_ranking(project, found.iteration)
    return found.iteration


_TOO_LATE = "The remaining labels are corrected already; no further image is selected."


def _ranking(project: Project, iteration: int) -> Ranking:
    r, i = schema.ranking.c, schema.image.c
    query = (
        select(r.image_id, i.file_name, r.rank, r.score, r.red, r.green, r.pink, r.gray, r.offered)
        .join(schema.image, i.id == r.image_id)
        .where(r.iteration == iteration)
        .order_by(r.rank)
    )
    audited, made = audited_images(project), overrides_of(project, iteration)
    nothing = Override("", "", "")
    rows = []
    for image_id, name, rank, *counts in project.store.rows(query):
        if image_id not in audited:
            choice = made.get(image_id, nothing)
            image = RankedImage(image_id, name, rank + 1, *counts)
            rows.append(
                replace(image, choice=choice.kind, person=choice.person, reason=choice.reason)
                if choice.kind
                else image
            )
    return Ranking(iteration, tuple(rows))


def _choose(project: Project, image_id: int, kind: str, person: str, reason: str) -> None:
    if not reason.strip():
        raise AlcError("Say why, in a few words; the reason is kept with the project.")
    iteration = _iteration(project)
    r = schema.ranking.c
    is_there = project.store.count(
        schema.ranking, (r.iteration == iteration) & (r.image_id == image_id)
    )
    if not is_there or image_id in audited_images(project):
        raise AlcError("This image is not in the ranking: a pathologist has it, or had it.")
    _store(project, iteration, image_id, kind, person, reason.strip())


def _store(
    project: Project, iteration: int, image_id: int, kind: str, person: str, reason: str
) -> None:
    row = {
        "image_id": image_id,
        "iteration": iteration,
        "kind": kind,
        "person": person,
        "reason": reason,
        "at": now(),
    }
    with project.store.begin() as connection:
        connection.execute(insert(schema.choice), [row])

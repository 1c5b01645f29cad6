"""What a project has cost, what going on would cost and has brought so far, and when to stop."""

from __future__ import annotations

from dataclasses import dataclass

from napari_alc.cleaning.budget import Budget
from napari_alc.errors import AlcError
from napari_alc.project.annotation.decisions import current_boxes
from napari_alc.project.annotation.tasks import open_counts, queue
from napari_alc.project.annotation.time_spent import time_spent
from napari_alc.project.label_sets import labels_of_tasks
from napari_alc.project.project import Project
from napari_alc.project.status import Status, Step, has_predicted, status, stopped_by
from napari_alc.project.steps.overrides import ranked, seconds_a_box
from napari_alc.project.steps.train import VALIDATION_AP50
from napari_alc.project.storage.records import (
    BoxSource,
    BoxState,
    EventKind,
    ModelName,
    ReviewBox,
    ReviewStep,
)
from napari_alc.wording import MODEL_NAMES, capital


def budget(project: Project, clean: int, iteration: int | None = None) -> Budget:
    """The budget of the images that people have finished.

    `clean` is the size of the clean data set in boxes (N_clean), an estimate while it is not
    finished. With an iteration i, step 1 counts up to X^i only, as things stood before step 2.
    """
    whole = ReviewStep.WHOLE_IMAGE
    step_of = {
        task.id: task.step
        for task in queue(project)
        if task.is_done
        and (iteration is None or (task.step is whole and task.iteration <= iteration))
    }
    boxes = [(step_of[t], box) for t, box in current_boxes(project) if t in step_of]
    step1 = [box for step, box in boxes if step is whole]
    with project.store.transaction() as unit:
        crowd = unit.boxes.count_of_crowd()
        reviewed = unit.boxes.count_reviewed() if iteration is None else 0
    drawn = sum(step is not whole and box.state is BoxState.ADDED for step, box in boxes)
    return Budget(
        crowd=crowd,
        clean=clean,
        step1_boxes=sum(box.is_label for box in step1),
        step1_edits=sum(_is_edit(box) for box in step1),
        step2_boxes=reviewed + drawn,
        costs=project.settings.costs.prices,
    )


def _is_edit(box: ReviewBox) -> bool:
    """Whether a box was added, moved or deleted; a drawing that was taken back is neither."""
    withdrawn = box.source is BoxSource.PERSON and box.state is BoxState.DELETED
    edits = BoxState.CHANGED, BoxState.ADDED, BoxState.DELETED
    return box.state in edits and not withdrawn


SMALL_GAIN = 0.5
"""AP50 in percent: less than this in an iteration is within the spread of two trainings."""

FEWER = 0.9
"""Red and green boxes an image, over those one iteration before: above this hardly fewer."""


@dataclass(frozen=True)
class Scenario:
    """What lies ahead on one of the ways to the end, in images and boxes for pathologists.

    The budget is of the whole project at its end, in percent of labelling everything by
    pathologists; the minutes are those of the work still ahead at the pace so far, None where no
    time was measured.
    """

    images: int
    boxes: int
    budget: float
    minutes: float | None


@dataclass(frozen=True)
class Forecast:
    """Where the project stands in budget and time, and where it goes.

    Spent so far are `budget_now`, in percent of labelling everything by pathologists (full price),
    and `minutes_now`, of all pathologists together. What lies ahead, with all iterations that the
    settings plan and with no further one, is None until there is a ranking.
    """

    budget_now: float
    minutes_now: float
    to_the_end: Scenario | None
    stop_now: Scenario | None


STOPPING_IS_DEARER = (
    "Stopping now would cost more than going on: the detectors and the crowd still differ so often "
    "that an image holds more red and green boxes, each of which has to be looked at, than a "
    "review of the whole image would cost, which is counted by its objects. Better detectors leave "
    "fewer of these boxes."
)


def surprise(found: Forecast) -> str:
    """Why the forecast is not what one expects, in words; empty where it is."""
    if found.to_the_end is None or found.stop_now is None:
        return ""
    return STOPPING_IS_DEARER if found.stop_now.budget > found.to_the_end.budget else ""


@dataclass(frozen=True)
class _Sample:
    """What the images reviewed whole tell: objects in an image, and in all images, estimated."""

    per_image: float
    all_boxes: int


def forecast(project: Project) -> Forecast:
    """Budget and minutes so far and to the end.

    The number of objects is estimated from the images reviewed whole. Boxes that the ranking
    shows as red or green in images that are not to be reviewed whole are counted as step 2.
    """
    found = status(project)
    sample = _sample(project, found)
    now = budget(project, max(sample.all_boxes, 1)).total
    spent = time_spent(project).total / 60
    if found.corrected or not has_predicted(project, found.iteration):
        return Forecast(now, spent, None, None)
    left = max(project.settings.method.iterations - found.iteration, 0)
    planned = 0 if found.stopped_by else left * project.settings.method.per_iteration
    ways = (_way(project, sample, now, whole) for whole in (planned, 0))
    return Forecast(now, spent, *ways)


def _sample(project: Project, found: Status) -> _Sample:
    done = [
        task for task in queue(project, ReviewStep.WHOLE_IMAGE) if task.is_done
    ]  # of audits too
    objects = len(labels_of_tasks(project, done).labels)
    per_image = objects / len(done) if done else 0.0
    if not objects:
        with project.store.transaction() as unit:
            per_image = unit.boxes.count_of_crowd() / max(found.images, 1)
    return _Sample(per_image, round(per_image * found.images))


def _way(project: Project, sample: _Sample, now: float, whole: int) -> Scenario:
    """The way on which the first `whole` images of the ranking are reviewed whole."""
    rows = ranked(project).rows
    step1, step2 = rows[:whole], [row for row in rows[whole:] if row.red + row.green]
    waiting = sum(open_counts(project).values())
    offered = sum(row.offered for row in step1)
    reviewed = sum(row.red + row.green for row in step2)
    ahead = waiting + len(step1) * sample.per_image + reviewed
    price = 100 * ahead / max(sample.all_boxes, 1)
    boxes = waiting + offered + reviewed
    pace = seconds_a_box(project)
    minutes = None if pace is None else boxes * pace / 60
    return Scenario(len(step1) + len(step2), boxes, now + price, minutes)


def recommendation(project: Project) -> str:
    """Whether to go on, in words; it is the user who stops."""
    found = status(project)
    if found.corrected:
        return "The iterations are over; the remaining labels are corrected."
    if found.stopped_by:
        return f"{found.stopped_by} has stopped the iterations after iteration {found.iteration}."
    if found.iteration < 1 or not has_predicted(project, found.iteration):
        return "It is too early to tell; after the next iteration there is something to compare."
    gain, fewer = _gain(project, found.iteration), _fewer(project, found.iteration)
    reasons = [sentence for sentence in (_gain_words(gain), _fewer_words(fewer)) if sentence]
    return " ".join([*reasons, _advice(gain, fewer)])


def _advice(gain: float | None, fewer: float) -> str:
    if gain is not None and gain <= -SMALL_GAIN:
        return (
            "Before you go on or stop, find out why: look at the labels of the last images, "
            "and let the detectors train longer."
        )
    if (gain is None or gain < SMALL_GAIN) and FEWER < fewer < 1 / FEWER:
        return "You can stop: another iteration would hardly change anything."
    return "Another iteration is worth its price."


def _gain(project: Project, iteration: int) -> float | None:
    """AP50 that Mp has gained in the last iteration; None without validation images."""
    with project.store.transaction() as unit:
        runs = (unit.runs.run(i, ModelName.MP) for i in (iteration - 1, iteration))
        before, after = (run.metric(VALIDATION_AP50) if run else None for run in runs)
    return None if before is None or after is None else float(after) - float(before)


def _fewer(project: Project, iteration: int) -> float:
    """Red and green boxes an image in the newest ranking, over those in the one before."""
    ranked(project)
    with project.store.transaction() as unit:
        before, now = (unit.rankings.uncertain_boxes(i) for i in (iteration - 1, iteration))
    return now / before if before else 1.0


def _gain_words(gain: float | None) -> str:
    if gain is None:
        return ""
    verb = "gained" if gain >= 0 else "lost"
    return (
        f"{capital(MODEL_NAMES['mp'])} {verb} {abs(gain):.1f} AP50 on the validation images in the "
        "last iteration (AP50: objects found, without false ones, 0 to 100)."
    )


def _fewer_words(ratio: float) -> str:
    change = round(100 * abs(1 - ratio))
    if not change:
        return "There are as many red and green boxes an image as before."
    what = "fewer" if ratio < 1 else "more"
    return f"There are {change} % {what} red and green boxes an image than before."


def stop_here(project: Project, person: str) -> None:
    """End the iterations here; the remaining labels are corrected next.

    It can be taken back by `go_on` until they are.

    Raises
    ------
    AlcError
        When the models are not through with this iteration, or it is the last one anyway.
    """
    found = status(project)
    if found.next_step is not Step.SELECT:
        raise AlcError(f"There is nothing to stop now: {found.sentence}")
    _log(project, EventKind.STOP, found, person)


def go_on(project: Project, person: str) -> None:
    """Take back that the iterations end here.

    Raises
    ------
    AlcError
        When nobody has stopped them, or the labels are corrected already.
    """
    found = status(project)
    if found.corrected or not stopped_by(project):
        raise AlcError(f"The iterations were not stopped, or it is too late: {found.sentence}")
    _log(project, EventKind.GO_ON, found, person)


def _log(project: Project, event: EventKind, found: Status, person: str) -> None:
    with project.store.transaction() as unit:
        unit.events.add(event, found.iteration, {"person": person})

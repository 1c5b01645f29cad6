"""Several people read the same images, blind to each other; their majority settles them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from napari_alc.boxes import Corners
from napari_alc.cleaning.majority import Group, Verdict, Vote, majority
from napari_alc.errors import Refused
from napari_alc.project.annotation.decisions import finish, require_decided
from napari_alc.project.annotation.leases import held
from napari_alc.project.annotation.tasks import majority_name, prepare_change, require_all_read
from napari_alc.project.project import Project
from napari_alc.project.storage.database import UnitOfWork
from napari_alc.project.storage.records import (
    NOTE_LENGTH,
    BoxSource,
    BoxState,
    Decision,
    DecisionAction,
    EventKind,
    Note,
    ReviewBox,
    SharedImage,
    Task,
)
from napari_alc.project.storage.repository import now
from napari_alc.wording import Refusal

FEWEST_READERS = 2

TASKS_AT_ONCE = 1_000
"""Tasks that one question to the database names; some databases take only a few thousand."""


@dataclass(frozen=True)
class MajorityImage(SharedImage):
    """An image that all its readers have finished.

    Its boxes are as decided so far, by task id and box id; the groups are what the readers found.
    """

    boxes: dict[int, dict[int, ReviewBox]]
    groups: tuple[Group, ...]


def read_images(unit: UnitOfWork, images: Sequence[SharedImage]) -> list[MajorityImage]:
    """Ask for the boxes of several images at once and group them."""
    tasks = [task.id for image in images for task in (image.consensus, *image.readings)]
    boxes = boxes_of_tasks(unit, tasks)
    return [
        MajorityImage(**vars(image), boxes=boxes, groups=_groups(image.readings, boxes))
        for image in images
    ]


def boxes_of_tasks(unit: UnitOfWork, task_ids: Sequence[int]) -> dict[int, dict[int, ReviewBox]]:
    """Boxes as decided so far, by task id and box id; an empty entry for a task without any."""
    found: dict[int, dict[int, ReviewBox]] = {task_id: {} for task_id in task_ids}
    for start in range(0, len(task_ids), TASKS_AT_ONCE):
        some = task_ids[start : start + TASKS_AT_ONCE]
        for task_id, box in unit.decisions.current_boxes(some):
            found[task_id][box.id] = box
    return found


def _groups(readings: Sequence[Task], boxes: dict[int, dict[int, ReviewBox]]) -> tuple[Group, ...]:
    votes = [
        Vote(
            reader=task.reader,
            proposal=None if box.source == BoxSource.PERSON else box.id,
            category_id=box.category_id,
            corners=box.corners,
            is_sure=box.unsure is None,
        )
        for task in readings
        for box in boxes[task.id].values()
        if box.is_label or box.unsure is not None
    ]
    return majority(votes, len(readings))


def take_majority(unit: UnitOfWork, image: MajorityImage) -> None:
    """Store what most readers say; what they leave open waits for the one who settles.

    An earlier majority of the same readers is taken back where it differs. What readers noted on a
    box stands on it, with their names.
    """
    at = now()
    before = image.boxes[image.consensus.id]
    wanted = _wanted(image)
    after = [*_offered(unit, image), *_drawn_before(image, wanted)]
    changed = [box for box in after if _place(box) != _place(before[box.id])]
    unit.decisions.add(_decision(image, DecisionAction.SETTLE, box, at) for box in changed)
    known = {_place(box) for box in after}
    new = [box for box in wanted if _place(box) not in known]
    _draw(unit, image, new, at)
    _take_notes(unit, image, at)
    if any(box.state == BoxState.OPEN for box in (*after, *new)):
        unit.tasks.reopen(image.consensus.id)
    else:
        unit.tasks.finish(image.consensus.id, majority_name(image), at)


def _decision(
    image: MajorityImage, action: DecisionAction, box: ReviewBox, at: datetime
) -> Decision:
    name = majority_name(image)
    return Decision(image.consensus.id, action, _credited(box, name, at), name, at)


def _place(box: ReviewBox) -> tuple[BoxState, int, Corners]:
    """What readers decide about a box, besides whose it is."""
    return box.state, box.category_id, box.corners


def _credited(box: ReviewBox, name: str, at: datetime) -> ReviewBox:
    if box.state == BoxState.OPEN:
        return replace(box, person="", decided_at=None, unsure=None)
    return replace(box, person=name, decided_at=at, unsure=None)


def _take_notes(unit: UnitOfWork, image: MajorityImage, at: datetime) -> None:
    """Put the readers' notes on the boxes of the consensus task."""
    task_id, name = image.consensus.id, majority_name(image)
    for _, box in unit.decisions.current_boxes([task_id]):
        text = "\n".join(_notes_on(image, box))
        # cut where several long ones come together: the whole ones stay in the store
        text = text if len(text) <= NOTE_LENGTH else f"{text[: NOTE_LENGTH - 1]}…"
        if text and (box.note is None or box.note.text != text):
            unit.notes.add((task_id, box.id), DecisionAction.SETTLE, Note(text, name, at), name, at)


def _notes_on(image: MajorityImage, box: ReviewBox) -> Iterator[str]:
    """What each reader noted on a box, or on their own drawing that it was made of."""
    place = box.category_id, box.corners
    made_of = {
        (vote.reader, vote.category_id, vote.corners)
        for group in image.groups
        if group.proposal is None and (drawn_category(group), group.corners) == place
        for vote in group.votes
    }
    for task in image.readings:
        for own in image.boxes[task.id].values():
            is_here = own.id == box.id or (task.reader, own.category_id, own.corners) in made_of
            if own.note is not None and is_here:
                yield f"{task.reader}: {own.note.text}"


def _offered(unit: UnitOfWork, image: MajorityImage) -> list[ReviewBox]:
    """The offered boxes as the majority leaves them."""
    group_of = {group.proposal: group for group in image.groups if group.proposal is not None}
    every = image.boxes[image.consensus.id].values()
    boxes = {box.id: box for box in every if box.source != BoxSource.PERSON}
    return [
        _judged(
            replace(boxes[box_id], category_id=category_id, corners=corners), group_of.get(box_id)
        )
        for box_id, (category_id, corners) in unit.boxes.as_drawn(boxes).items()
    ]


def _judged(offered: ReviewBox, group: Group | None) -> ReviewBox:
    if group is None or group.verdict is Verdict.NO_OBJECT:
        return replace(offered, state=BoxState.DELETED)
    if group.verdict is Verdict.TIE or group.category_id is None:
        return replace(offered, state=BoxState.OPEN)
    found = replace(offered, category_id=group.category_id, corners=group.corners)
    return replace(found, state=BoxState.KEPT if found == offered else BoxState.CHANGED)


def _wanted(image: MajorityImage) -> list[ReviewBox]:
    """Boxes for what readers drew themselves and not most of them left out; their ids are 0."""
    return [
        ReviewBox(
            0, drawn_category(group), group.corners, BoxSource.PERSON, state=_drawn_state(group)
        )
        for group in image.groups
        if group.proposal is None and group.verdict is not Verdict.NO_OBJECT
    ]


def drawn_category(group: Group) -> int:
    """The category of most votes, the first of several as frequent ones; sure ones come first."""
    counted = [vote for vote in group.votes if vote.is_sure] or group.votes
    return Counter(vote.category_id for vote in counted).most_common(1)[0][0]


def _drawn_state(group: Group) -> BoxState:
    agreed = group.verdict is Verdict.OBJECT and group.category_id is not None
    return BoxState.ADDED if agreed else BoxState.OPEN


def _drawn_before(image: MajorityImage, wanted: Sequence[ReviewBox]) -> list[ReviewBox]:
    """What an earlier majority drew, deleted where it is not wanted any more."""
    places = {_place(box) for box in wanted}
    earlier = [
        box for box in image.boxes[image.consensus.id].values() if box.source == BoxSource.PERSON
    ]
    return [
        box if _place(box) in places else replace(box, state=BoxState.DELETED) for box in earlier
    ]


def _draw(unit: UnitOfWork, image: MajorityImage, boxes: Sequence[ReviewBox], at: datetime) -> None:
    """Add boxes to the consensus task; open ones are offered, so that they count as work left."""
    consensus = image.consensus
    drawn = unit.boxes.add_drawn([(consensus, box) for box in boxes], majority_name(image), at)
    unit.tasks.propose_in(consensus.id, [box.id for box in drawn if box.state == BoxState.OPEN])
    unit.decisions.add(_decision(image, DecisionAction.ADD, box, at) for box in drawn)


def readers(project: Project) -> tuple[str, ...]:
    """Who reads the images that are handed out from now on; empty where nobody shares."""
    with project.store.transaction() as unit:
        return unit.readings.names()


def shareable(project: Project) -> int:
    """How many images `share` would give to its readers."""
    with project.store.transaction() as unit:
        return len(unit.readings.untouched(held(unit)))


def checked_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names of readers, without blanks around them.

    Raises
    ------
    Refused
        When there are fewer than two, or one is empty or given twice.
    """
    chosen = tuple(name.strip() for name in names)
    if not all(chosen):
        raise Refused(Refusal.NAMELESS_READER)
    known: dict[str, str] = {}
    for name in chosen:
        if name.casefold() in known:
            raise Refused(Refusal.READER_TWICE, name)
        known[name.casefold()] = name
    if len(chosen) < FEWEST_READERS:
        raise Refused(Refusal.ONE_READER)
    return chosen


def share(project: Project, names: Sequence[str]) -> int:
    """Have every image that nobody has begun, and every later one, read by several people.

    Each reads it on their own, blind to the others. Sharing again with other names adds readers and
    takes back readings that nobody has begun; without names sharing ends. An image that is thereby
    read by all of its readers is settled by their majority. Returns how many images that nobody has
    settled are read by several people now.

    Raises
    ------
    Refused
        When there is one name only, or a name is empty or given twice.
    """
    chosen = checked_names(names) if names else ()
    with project.store.transaction() as unit:
        unit.readings.remember_names(chosen)
        in_use = held(unit)
        unit.readings.take_back(chosen, in_use)
        unit.readings.give_untouched(chosen, in_use)
        untouched = unit.readings.untouched(in_use)
        shared = [image for image in unit.readings.shared() if image.consensus.id in untouched]
        details = {"readers": list(chosen), "images": len(shared)}
        unit.events.add(EventKind.SHARE, None, details)
        for image in read_images(unit, [image for image in shared if image.is_read]):
            take_majority(unit, image)
    return len(shared)


def finish_task(project: Project, task: Task, person: str) -> None:
    """Finish a consensus task or a reading.

    With the last reading of an image, what most readers say is stored in its consensus task, in
    their name; ties stay open there, and a consensus task with nothing left open is done. A task
    that is done already stays as it is.

    Raises
    ------
    Refused
        When boxes are still open, when a reading is somebody else's or its image was settled
        meanwhile, or when readers of a consensus task are not done.
    """
    if not task.is_reading:
        with project.store.transaction() as unit:
            require_all_read(unit.readings.image_of(task.id))
        finish(project, task, person)
        return
    if person != task.reader:
        raise Refused(Refusal.ANOTHERS_READING, task.reader, task.file_name)
    with project.store.transaction() as unit:
        # Two readers who finish at the same moment would else both find the other still at work.
        unit.tasks.hold_consensus(task)
        require_decided(unit, task)
        if not unit.tasks.finish(task.id, task.reader, now()):
            return
        prepare_change(unit, task.id)
        image = unit.readings.image_of(task.id)
        if image.is_read:
            [read] = read_images(unit, [image])
            take_majority(unit, read)

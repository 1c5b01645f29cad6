"""What the review says in words: why a box is here, what is to be done, what was refused.

Names of commands in braces stand for their keys (`KeyTexts.filled`).
"""

from __future__ import annotations

from collections.abc import Sequence

from napari_alc.plugin.review.counterparts import Neighbour, neighbours
from napari_alc.plugin.review.queue import ReviewQueue
from napari_alc.project.annotation.document import Direction
from napari_alc.project.storage.records import ImageFlag, ReviewBox, ReviewStep, Task
from napari_alc.wording import Refusal, counted, effort, form, listed

NO_PROJECT = "Open a project first."
ALL_DONE = "Every image handed out is done. The page Iterate tells what comes next."
NOTHING_HANDED_OUT = "No image has been handed out yet."
ALL_ELSEWHERE = "The images that are left are open in other windows, or with other readers."
ONLY_ONE = "This is the only open box of the image."
NO_MORE = "There is no other image in the queue."
PAUSED = "Paused. The clock stands until you go on."
READ_AGAIN = (
    "A reader is at work on this image again; it can be settled when all of its readers are done."
)

PICK_FIRST = "No box is picked. Click one, or press {next_box} for the next open box."
NO_MODEL = "No model has looked at this image yet."
PICK_ONE = "Pick exactly one box first."
ALL_DECIDED = "Every box of this image is decided. {done} finishes it and opens the next one."
NO_GRAY = "No open gray box is shown."
ALL_STORED = "Everything you decide is stored at once. The page Iterate exports clean labels."
CLOSING = "Everything is stored already; the window can be closed."
NOTHING_ELSE_WAITS = "No other image waits; this one stays open."
LET_GO = "Let go of the mouse first."
DRAG = "Drag from corner to corner of an object; {draw} or {stop_drawing} stops drawing."
NOTHING_BELOW = "There is no box under the mouse."
NOTHING_TO: dict[Direction, str] = {
    "undo": "There is nothing to undo.",
    "redo": "There is nothing to redo.",
}

NO_TURNING = "Boxes cannot be turned or bent; they stay upright."
NO_OTHER_SHAPES = (
    "Only upright boxes are drawn here: no ellipses, lines, polygons or extra corners."
)
NO_CLICK = "A click draws no box, it would be too small: drag from corner to corner of an object."
READ_ONLY = "This image can only be looked at here; nothing was changed."
FLAT = "The review shows one image, flat; napari's other views are for other layers."
IN_SIGHT = "Boxes stay in sight. Hold {hide_boxes} to hide them for a moment."
IMAGE_HIDDEN = "The image stays in sight."
GONE = "Layers of the review had been deleted; they are back, and nothing is lost."
OUT_OF_ORDER = "The boxes belong on top of the image; the order is restored."
MOVED = "The image cannot be moved under its boxes; everything is back in its place."
FAINT = "Image and boxes had been made transparent; they are as before."
HIDDEN = "Boxes are hidden; let go of {hide_boxes} first."
BACK_ON_BOXES = "Another layer was chosen; the boxes are again. Press once more."
AGAIN = "Look again, then press once more."
TOO_SOON = "That came before the picture was on the screen, so it decided nothing."

COLOURS_AS_THEY_ARE = "This is a colour image; it is shown as it is. Contrast is for gray images."
BRIGHTEST = "It does not get any brighter."
DARKEST = "It does not get any darker."
COMPUTING = "Computing the local contrast; go on meanwhile …"
NO_MEMORY = "The computer has not enough free memory for the local contrast of this image."

SMOOTH = {True: "Pixels are smoothed, on screen only.", False: "Pixels are shown as squares."}

KEY_SET_CHOSEN = "Keys: {}; {{help}} shows all of them."

LABEL_WORDS = {
    "none": "Nothing is written beside the boxes.",
    "letters": "The letter of each colour stands beside the boxes.",
    "score": "The models' confidence stands beside their boxes.",
    "category": "The category stands beside the boxes.",
}
"""What is said when the words beside boxes change; in the order of the key."""

NAMES = {"crowd": "the crowd", "mp": "Mp", "ma": "Ma"}
"""The three that propose boxes, as a sentence names them."""

_TASK = {
    True: (
        "Label every object in this image",
        "Keep, correct or delete each box; draw what has none.",
    ),
    False: (
        "Decide the red and green boxes",
        "The rest is corrected already; you may still change it.",
    ),
}


def task_words(task: Task | None) -> tuple[str, str]:
    """What a person is asked to do with an image: a heading and a sentence."""
    if task is None:
        return "", ""
    heading, sentence = _TASK[task.step == ReviewStep.WHOLE_IMAGE]
    if task.is_excluded:
        return "Left out of the dataset", "The menu More takes the image in again."
    if task.is_done:
        sentence = f"Finished by {task.done_by}; a change opens it again."
    return heading, sentence


def progress_words(done: int, images: int, boxes: int, pace: float | None = None) -> str:
    """How far the queue is; `pace` in seconds a box, None while that is not known."""
    text = f"{done} of {counted(images, 'image')} done, {counted(boxes, 'box')} left"
    return text if pace is None or not boxes else f"{text}, {effort(pace * boxes)} at your pace"


def covered(names: Sequence[str]) -> str:
    """That other layers lay on top of the image and its boxes, and lie below now."""
    which = listed([f"“{name}”" for name in names])
    now = form(len(names), "lies", "lie")
    return f"{which} covered the image under review and {now} below it now."


def other_layer(name: str) -> str:
    """That mouse and keys go to another layer."""
    return (
        f"The layer “{name}” is chosen, which is no part of the review. Press a key of the review, "
        "or choose the layer Boxes, to go on."
    )


def not_stored(name: str) -> str:
    """That something was drawn or changed where the review does not look."""
    return (
        f"This was done on the layer “{name}”, which the review does not store. Choose the layer "
        "Boxes to decide and draw."
    )


def out_of_sight(boxes: int, hidden: int) -> str:
    """That boxes which were to be decided on could not be seen, and can now."""
    if boxes == 1:
        return f"The box was out of sight; here it is. {AGAIN}"
    which = counted(hidden, "was", "were")
    return f"{boxes} boxes are picked, of which {which} out of sight; here are all. {AGAIN}"


def why_nothing_is_left(queue: ReviewQueue, unfinished: int) -> str:
    """Why no image follows; `unfinished` counts those of everybody."""
    if queue.done < len(queue) or unfinished:
        return ALL_ELSEWHERE
    return ALL_DONE if len(queue) else NOTHING_HANDED_OUT


def open_question(still_open: int, hidden: int) -> str:
    """The question before an image is finished, where the filter hides some of the open boxes."""
    what = form(still_open, "is it", "are they")
    question = f"{counted(still_open, 'box is', 'boxes are')} still open. What {what}?"
    if not hidden:
        return question
    which = counted(hidden, "of them is", "of them are")
    if hidden == still_open:
        which = form(hidden, "It is", "All of them are")
    return f"{question} {which} hidden by the filter, and shown now."


def filter_words(hidden: int, own: int) -> str:
    """What the filter hides, a person's own boxes among it; empty for nothing."""
    if not hidden:
        return ""
    of_own = f", {own:,} of them yours" if own else ""
    return f"{counted(hidden, 'box', 'boxes')} hidden{of_own}"


def hidden_words(number: int) -> str:
    """What is left when every open box that the filter shows is decided."""
    what = counted(number, "open box is", "open boxes are")
    return f"{what} hidden by your choice of colours and confidence."


def only_one_words(hidden: int) -> str:
    """That the current open box is the only one that is shown."""
    return f"This is the only one; {hidden_words(hidden)}" if hidden else ONLY_ONE


def no_category(number: int, there: int) -> str:
    """That a category's key was pressed which the project does not have."""
    if there < 2:
        return "This project has one category; there is none to choose."
    return f"There is no category {number}; this project has {there}."


def kept_gray(number: int) -> str:
    """That all gray boxes were kept at once."""
    return f"{counted(number, 'gray box', 'gray boxes')} kept; {{undo}} takes it back."


def skipped(file_name: str) -> str:
    """That an image was put off."""
    return f"{file_name} is at the end of your queue now."


def remark_words(box: ReviewBox) -> str:
    """Who is unsure about a box, and the note on it."""
    said = [] if box.unsure is None else [f"{box.unsure.person} is unsure about it."]
    if box.note is not None:
        said.append(f"Note by {box.note.person}: “{box.note.text}”")
    return " ".join(said)


def flag_words(flags: Sequence[ImageFlag]) -> str:
    """What people say about the image as a whole."""
    return " ".join(f"{flag.kind.value.capitalize()}: says {flag.person}." for flag in flags)


def no_box_of(model: str, closest: float = 0.0) -> str:
    """That a model has no box of the current object; `closest` is the highest IoU with others."""
    if not closest:
        return f"{NAMES[model]} has no box here."
    return f"{NAMES[model]} has no box of this object; its closest one overlaps {closest:.2f}."


def went_with_it(model: str) -> str:
    """That the box whose corners were taken was open itself, and is gone."""
    return f"{NAMES[model]}'s own box is decided with it; undo takes both back."


def back_on(file_name: str, way: Direction) -> str:
    """That undo or redo has led to another image."""
    what = "taken back" if way == "undo" else "repeated"
    return f"Back on {file_name}: your last decision there is {what}."


def reading(file_name: str) -> str:
    """That an image is on its way."""
    return f"Reading {file_name} …"


def unreadable(reason: str, next_key: str) -> str:
    """Why an image cannot be shown, and the key that leads to the next one."""
    return f"{reason} Press {next_key} to go on with the next image."


def held(who: str) -> str:
    """Why an image that another window has can only be looked at."""
    return Refusal.HELD.value.format(who)


def elsewhere_words(file_name: str, who: str) -> str:
    """That an image was passed over because another window has it."""
    return f"{file_name} is open elsewhere ({who}); here is the next image."


def now_words(before: str, now: str) -> str:
    """What has changed about a box since the models sorted it."""
    if not before or before == now:
        return ""
    if now == "gray":
        return "As the labels stand now, they agree with it."
    return "As the labels stand now, nothing else agrees with it."


def why_here(
    box: ReviewBox, others: Sequence[ReviewBox], models_saw: bool, iou: float = 0.5
) -> str:
    """Why a box is under review, in a few sentences, beside all proposals and suggestions.

    Boxes agree above an overlap of `iou`, 0–1; `models_saw`: whether models know the image.
    """
    if box.source == "person":
        return f"Drawn by {box.person or 'a person'}."
    near = neighbours(box, others)
    agreeing = [other for other in near if other.overlap > iou]
    return " ".join([_reason(box, agreeing), *_closest(near, models_saw)])


def _reason(box: ReviewBox, agreeing: Sequence[Neighbour]) -> str:
    sure = "" if box.score is None else f", confidence {box.score:.2f}"
    if box.region == "red":
        return f"Only Ma found this{sure}; neither the crowd nor Mp agree."
    if box.region == "pink":
        return f"Only Mp found this{sure}; the crowd probably missed it."
    if box.region == "green":
        return "Only the crowd drew this; neither model agrees."
    if box.region == "gray":
        name = NAMES[box.source]
        found = "drew" if box.source == "crowd" else "found"
        others = listed([NAMES[n.source] for n in agreeing]) or "another"
        return f"{name[0].upper()}{name[1:]} {found} this{sure}, in agreement with {others}."
    return "The crowd drew this; no model has seen the image yet."


def _closest(near: Sequence[Neighbour], models_saw: bool) -> list[str]:
    """How far the closest boxes of the others overlap."""
    if not models_saw:
        return []
    lines = [
        f"The closest box of {NAMES[n.source]} overlaps {n.overlap:.2f}"
        + ("." if n.score is None else f", confidence {n.score:.2f}.")
        for n in near
    ]
    return lines or ["No box of the others touches it."]


def box_title(box: ReviewBox, category: str, position: int, opened: int) -> str:
    """Which box is the current one: by its place from 1 among `opened`, 0 where it is decided."""
    x1, y1, x2, y2 = box.corners
    size = f"{x2 - x1:.0f} × {y2 - y1:.0f} px"
    state = "unsure" if box.unsure else "drawn" if box.state == "added" else box.state
    where = f"Open box {position} of {opened}" if position else f"Box, {state}"
    return f"{where} · {category} · {size}"


def boxes_title(number: int) -> str:
    """How many boxes are current, where it is not exactly one."""
    return "No box picked" if number == 0 else f"{number} boxes picked"

"""Plurals, durations, lengths, lists and refusals, as sentences say them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

ALMOST_DONE = 5.0
"""Seconds; fewer are not counted out."""

SECONDS_SHOWN = 100
"""From so many on, a time is told in minutes."""

MINUTES_SHOWN = 100
"""From so many on, a computer's time is told in hours and minutes."""

MINUTES_OF_WORK = 90
"""From so many on, a person's time is told in hours."""

LENGTHS = ((1e6, "mm"), (1e3, "µm"), (1.0, "nm"))
"""Nanometres of a unit, and its name; the largest that makes one or more is taken."""

UNKNOWN = "–"
"""In a cell whose value nobody knows."""


MODEL_NAMES: Mapping[str, str] = {"mp": "the expert's model (Mp)", "ma": "the shared model (Ma)"}
"""What people are told of Mp and Ma where no sentence above has explained them."""

AP50_MEANS = "AP50: how many of the objects a model finds, without false ones, 0 to 100"


def form(number: float, one: str, several: str = "") -> str:
    """The words that go with a number; `several` is `one` with an s or es where it is empty."""
    if number == 1:
        return one
    return several or f"{one}{'es' if one.endswith('x') else 's'}"


def counted(number: int, one: str, several: str = "") -> str:
    """A number and its words: ``"1 box"``, ``"2,500 boxes"``, ``"3 images wait"``."""
    return f"{number:,} {form(number, one, several)}"


def capital(sentence: str) -> str:
    """The sentence with a capital at its start; the rest stays as it is."""
    return sentence[:1].upper() + sentence[1:]


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them: ``"a, b and c"``; empty without any."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def shortened(names: Sequence[str], most: int, before_and: str = "") -> str:
    """The first `most` names, and how many there are beside: ``"a, b and 7 more"``."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f"{before_and} and {more:,} more" if more > 0 else "")


def duration(seconds: float) -> str:
    """A time that is expected: ``"a few seconds"``, ``"about 40 s"``, ``"about 2 h 5 min"``."""
    if seconds < ALMOST_DONE:
        return "a few seconds"
    if seconds < SECONDS_SHOWN:  # nobody can foresee it to the second
        return f"about {5 * round(seconds / 5)} s"
    return f"about {_hours_and_minutes(seconds)}"


def effort(seconds: float) -> str:
    """How long a person will work: ``"less than a minute"``, ``"about 3 minutes"``."""
    minutes = seconds / 60
    if minutes < 1:
        return "less than a minute"
    if minutes < MINUTES_OF_WORK:
        return f"about {counted(round(minutes), 'minute')}"
    return f"about {minutes / 60:.1f} hours"


def measured(seconds: float) -> str:
    """A time that was measured, short enough for a table: ``"42 s"``, ``"12 min"``."""
    return f"{seconds:.0f} s" if seconds < SECONDS_SHOWN else _hours_and_minutes(seconds)


def _hours_and_minutes(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < MINUTES_SHOWN else f"{minutes // 60} h {minutes % 60} min"


def round_length(longest: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not above `longest`."""
    power = 10.0 ** math.floor(math.log10(longest))
    return power * max(step for step in (1, 2, 5, 10) if step == 1 or step * power <= longest)


def length_words(nanometres: float) -> str:
    """A length as people write it: "200 nm", "5 µm"."""
    size, unit = next((u for u in LENGTHS if nanometres >= u[0] * (1 - 1e-9)), LENGTHS[-1])
    return f"{nanometres / size:g} {unit}"


class Refusal(Enum):
    """Why something is not done, with the sentence that says so.

    `napari_alc.errors.Refused` puts what the sentence is about in place of its braces.
    """

    NO_BOX = "That is no box: it needs four finite corners."
    TOO_SMALL = "That box is too small or outside the image; nothing was changed."
    MARKED = "Another label marks that object already. Delete this box, or adjust it by hand."
    CHANGED_SINCE = "Somebody else has changed this box since; it stays as it is."
    UNKNOWN_CATEGORY = "Category {} is not one of this project."
    UNKNOWN_BOX = "Box {} is not under review in this image."
    DELETED = "Box {} is deleted; undo that first to mark it as unsure."
    TOO_LONG = "That text has {} characters; at most {} can be kept."
    HELD = "Open elsewhere ({}). It can be looked at, not changed."
    LOST = (
        "The image was opened elsewhere meanwhile. All but this last step is stored; open it again "
        "to go on."
    )
    NOTHING_TO_SKIP = "{} waits for nobody, so there is nothing to skip."
    STILL_OPEN = "{} boxes of {} are still open."
    BEING_READ = (
        "{} not finished reading this image yet; it can be settled when all readers are done."
    )
    SETTLED_SINCE = "{} has settled this image since; open it as the joint image."
    NAMELESS_READER = "A reader's name is empty; give each reader a name."
    READER_TWICE = "{} is named twice; each reader needs a name of their own."
    ONE_READER = "Several readers need at least two names."
    UNSETTLED = (
        "{} marked as unsure in {}, and nobody has settled that. Settle them first, or say what "
        "becomes of them: '--unsure keep' writes them as they stand, '--unsure drop' leaves them "
        "out."
    )
    OWN_REMARK = "{} said so about a box of {}; ask somebody else to look at it."
    NOTHING_TO_READ = (
        "Box {} has neither a mark nor a note that everybody may see, so there is nothing to ask."
    )
    ANOTHERS_READING = "Only {} can finish this reading of {}."


def sharing_words(names: Sequence[str], images: int) -> str:
    """What sharing images among readers did; `images` that nobody has settled are shared now."""
    if not names:
        return "New images are not shared any more."
    if not images:
        return f"No image waits untouched; later ones are read by {listed(names)}."
    are = counted(images, "image is", "images are")
    return f"{are} read by {listed(names)}, each on their own."


def handed_words(reader: str, boxes: int, own: int) -> list[str]:
    """Whom boxes were handed to, and how many of theirs were left."""
    said = [f"{reader} is asked to look at {counted(boxes, 'box')}."] if boxes or not own else []
    if own:
        said.append(f"{counted(own, 'box is', 'boxes are')} left: {reader} said so themselves.")
    return said


def remarks_words(marked: int, noted: int) -> str:
    """How many boxes somebody is unsure about, and how many have a note."""
    boxes = counted(marked, "box is", "boxes are")
    return f"{boxes} marked as unsure, {counted(noted, 'box has', 'boxes have')} a note."


def blind_words(boxes: int) -> str:
    """How many boxes with a mark or a note nobody else sees yet; empty without any."""
    if not boxes:
        return ""
    more = counted(boxes, "more is", "more are")
    return f"{more} in readings that are not finished by all readers; nobody else sees them yet."


class BoxVerdict(Enum):
    """What a reader made of a box; a category they named stands in place of the braces."""

    KEPT = "kept it"
    UNSURE = "was unsure"
    DELETED = "deleted it"
    MOVED = "moved it"
    CALLED = "called it {}"
    MOVED_AND_CALLED = "moved it and called it {}"
    DRAWN_ANEW = "drew it anew"
    KEPT_ANOTHER = "kept another box for it"
    MOVED_AWAY = "moved it elsewhere"
    DRAWN = "drew it"
    NOT_DRAWN = "did not draw it"
    MOVED_THERE = "moved another box there"


def verdict_words(verdicts: Iterable[tuple[str, BoxVerdict, str]]) -> str:
    """Who said what of a box: reader, verdict and category of each."""
    return ", ".join(f"{name} {verdict.value.format(what)}" for name, verdict, what in verdicts)


def window_words(person: str, host: str) -> str:
    """Whose window has an image open; `host` is the other computer, or empty for this one."""
    where = f"on the computer {host}" if host else "in another window on this computer"
    return f"{person}, {where}"

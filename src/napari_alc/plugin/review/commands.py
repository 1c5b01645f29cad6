"""What a pathologist can do in the review, by key, button or mouse: the data, and nothing else.

What each command does is told in `tooltips`.

The keys of both sets are free in napari while a Shapes layer is active, save those of
`TAKEN_OVER`. All are letters, digits, named keys, the comma and the full stop, which no
common keyboard hides behind AltGr.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from napari_alc.boxes import Corners
from napari_alc.plugin import tooltips

MOVING_ON = "Moving on"
DECIDING = "Deciding"
ADJUSTING = "Adjusting"
VIEW = "View"
CONTRAST = "Contrast"
IMAGE = "Image"

GROUPS = (MOVING_ON, DECIDING, ADJUSTING, VIEW, CONTRAST, IMAGE)
"""Headings of the help, in its order."""


@dataclass(frozen=True)
class Command:
    """Something that a key or a button does.

    Parameters
    ----------
    name
        Of the action that does it, and of its setting in napari's preferences.
    label
        On its button.
    keys
        Qt's portable key names in the standard set, as they are unless a person chose others;
        the first is the one shown.
    group
        One of `GROUPS`.
    held
        Whether it lasts while the key is held.
    repeats
        Whether it is done again and again while the key is held.
    """

    name: str
    label: str
    keys: tuple[str, ...]
    group: str
    held: bool = False
    repeats: bool = False

    @property
    def tip(self) -> str:
        """What it does, in a sentence."""
        return tooltips.COMMANDS[self.name]


class Nudge(NamedTuple):
    """Pixels that an arrow key moves the current box; `grow`: its lower right corner alone."""

    dx: int
    dy: int
    grow: bool


@dataclass(frozen=True)
class Edits:
    """What the mouse and napari's own tools did to the boxes on the canvas.

    `deleted` and `reshaped` go by the boxes' ids, `pasted` copies by that of the box copied.
    `refusal` says why something is no change of a box; it is empty where all is.
    """

    deleted: tuple[int, ...] = ()
    reshaped: Mapping[int, Corners] = field(default_factory=dict)
    drawn: tuple[Corners, ...] = ()
    pasted: tuple[tuple[int, Corners], ...] = ()
    refusal: str = ""


FAR = 10
"""Pixels that an arrow key moves with Shift; one without."""

_ARROWS = (
    ("Left", -1, 0, "narrower", "narrower"),
    ("Right", 1, 0, "wider", "wider"),
    ("Up", 0, -1, "shorter", "shorter"),
    ("Down", 0, 1, "lower", "taller"),
)
"""Arrow, direction, and for the lower right corner alone: the command's name, what the box gets."""


def _arrow_commands() -> Iterator[tuple[Command, Nudge]]:
    for grow, step, (arrow, x, y, growing, size) in product((False, True), (1, FAR), _ARROWS):
        far, way = step == FAR, arrow.lower()
        prefix = "far_" if far else "" if grow else "move_"
        name = f"{prefix}{growing if grow else way}"
        label = f"Make {size}" if grow else f"Move {way}"
        key = "+".join([*(["Alt"] if grow else []), *(["Shift"] if far else []), arrow])
        command = Command(
            name, f"{label} by {FAR} pixels" if far else label, (key,), ADJUSTING, repeats=True
        )
        yield command, Nudge(step * x, step * y, grow)


_NUDGING = tuple(_arrow_commands())

NUDGES: Mapping[str, Nudge] = {command.name: nudge for command, nudge in _NUDGING}
"""The commands of the arrow keys by name."""

MOST_CATEGORIES = 7
"""Categories that have a key of their own; the digits after it set the contrast."""

CATEGORY_COMMANDS = tuple(f"category_{number}" for number in range(1, MOST_CATEGORIES + 1))
"""The commands that choose a category, in the order of the categories."""

_CATEGORY_COMMANDS = tuple(
    Command(name, f"Category {number}", (str(number),), ADJUSTING)
    for number, name in enumerate(CATEGORY_COMMANDS, start=1)
)

_TABLE = (
    Command("next_box", "Next", ("J",), MOVING_ON),
    Command("previous_box", "Previous", ("Shift+J",), MOVING_ON),
    Command("pick_below", "Pick below", ("Tab",), MOVING_ON),
    Command("keep", "Keep", ("K",), DECIDING),
    Command("delete", "Delete", ("Q", "Del", "Backspace"), DECIDING),
    Command("keep_gray", "Keep all gray", ("Shift+K",), DECIDING),
    Command("unsure", "Unsure", ("O",), DECIDING),
    Command("note", "Note …", ("Shift+O",), DECIDING),
    Command("take_mp", "Take Mp's box", (",",), DECIDING),
    Command("take_ma", "Take Ma's box", (".",), DECIDING),
    Command("undo", "Undo", ("U", "Ctrl+Z"), DECIDING),
    Command("redo", "Redo", ("Shift+U", "Ctrl+Shift+Z", "Ctrl+Y"), DECIDING),
    Command("draw", "Draw a box", ("W",), ADJUSTING),
    Command("stop_drawing", "Stop drawing", ("Esc",), ADJUSTING),
    Command("next_category", "Category", ("M",), ADJUSTING),
    *_CATEGORY_COMMANDS,
    *(command for command, _ in _NUDGING),
    Command("whole_image", "Whole image", ("G", "Home"), VIEW),
    Command("hide_boxes", "Hide", ("H",), VIEW, held=True),
    Command("labels", "Labels", ("F3",), VIEW),
    Command("smooth", "Smooth pixels", ("F7",), VIEW),
    Command("palette", "Colours", ("F4",), VIEW),
    Command("contrast", "Contrast", ("0",), CONTRAST),
    Command("darker", "Darker", ("8",), CONTRAST, repeats=True),
    Command("brighter", "Brighter", ("9",), CONTRAST, repeats=True),
    Command("local_contrast", "Local contrast", ("F2",), CONTRAST),
    Command("previous_image", "Previous image", ("PgUp",), IMAGE),
    Command("next_image", "Next image", ("PgDown",), IMAGE),
    Command("skip", "Skip for now", ("Shift+N",), IMAGE),
    Command("pause", "Pause", ("F9",), IMAGE),
    Command("stored", "Is all stored?", ("Ctrl+S",), IMAGE),
    Command("help", "All keys", ("?", "F1"), IMAGE),
    Command("done", "Done, next image", ("N",), IMAGE),
)

COMMANDS: Mapping[str, Command] = {command.name: command for command in _TABLE}
"""Every command by name, in the order of the help."""

STANDARD, LEFT_HAND = "standard", "left hand"
"""The key sets, by their names in napari's preferences."""

_LEFT_HAND: Mapping[str, tuple[str, ...]] = {
    "next_box": ("D",),
    "previous_box": ("Shift+D",),
    "keep": ("F",),
    "delete": ("E", "Del", "Backspace"),
    "keep_gray": ("Shift+G",),
    "unsure": ("X",),
    "note": ("Shift+X",),
    "take_mp": ("R",),
    "take_ma": ("T",),
    # German keyboards have Y in the place of Z
    "undo": ("Z", "Y", "Ctrl+Z"),
    "redo": ("Shift+Z", "Shift+Y", "Ctrl+Shift+Z", "Ctrl+Y"),
    "next_category": ("V",),
    "hide_boxes": ("S",),
    "contrast": ("C", "0"),
    "previous_image": ("Shift+Q", "PgUp"),
    "next_image": ("Q", "PgDown"),
    "skip": ("Shift+B",),
    "done": ("B",),
}
"""Keys for the left hand where they are not the standard ones, which it reaches or which are rare.

Keep lies under the first finger and delete above the second. Keys beside them decide little or are
easily seen to have done so; Shift with either does nothing, as it is held for the rubber band.
A and Space stay napari's.
"""

KEY_SETS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    STANDARD: {name: command.keys for name, command in COMMANDS.items()},
    LEFT_HAND: {name: _LEFT_HAND.get(name, command.keys) for name, command in COMMANDS.items()},
}
"""The keys of every command, by the name of the set."""

_SPOKEN = {",": " (comma)", ".": " (full stop)"}
"""Signs that are easily overlooked, and what they are called."""


@dataclass(frozen=True)
class KeyTexts:
    """The keys of every command, as this computer's keyboard writes them; the first is shown."""

    keys: Mapping[str, tuple[str, ...]]

    def first(self, name: str) -> str:
        """The key of a command that is shown."""
        return self.keys[name][0]

    def all_of(self, name: str) -> str:
        """All keys of a command, in a list."""
        return ", ".join(key + _SPOKEN.get(key, "") for key in self.keys[name])

    def filled(self, text: str) -> str:
        """A text with the keys of the commands named in braces, such as ``{next_box}``."""
        return text.format_map({name: keys[0] for name, keys in self.keys.items()})

    def button(self, name: str) -> str:
        """A button's label with its key."""
        command = COMMANDS[name]
        return f"{command.label}  [{'hold ' if command.held else ''}{self.first(name)}]"

    def tip(self, name: str) -> str:
        """What a command does, with all its keys."""
        return f"{COMMANDS[name].tip}\nKeys: {self.all_of(name)}"


DEFAULT_KEYS = KeyTexts(KEY_SETS[STANDARD])

_DOCUMENT = "napari would delete boxes without a decision being stored"
_TOOLS = "napari would take up another tool; boxes need none but the mouse"
_SLICES = "napari would go through the slices of a stack; the review shows one image"
_LAYERS = "napari would pick or hide layers that belong to the review"
_LAYER_FILES = "napari would write layers into files; the review stores every decision at once"
_AXES = "napari would choose the axis of a stack; the review shows one image"
_STACKING = "napari would change which boxes lie on top; the review orders them"

TAKEN_OVER: Mapping[str, str] = {
    **dict.fromkeys(("Del", "Backspace", "3"), _DOCUMENT),
    **dict.fromkeys(("1", "2", "4", "5", "6", "7"), _TOOLS),
    **dict.fromkeys(("D", "E", "R", "S", "T", "X", "Z"), _TOOLS),
    **dict.fromkeys(("B", "F"), _STACKING),
    "V": _LAYERS,
    "Ctrl+Y": "napari would show a volume; the review shows one image",
    "Esc": "napari would end a drawing with a half-drawn box",
    "Ctrl+S": _LAYER_FILES,
    **dict.fromkeys(("Left", "Right"), _SLICES),
    **dict.fromkeys(("Shift+Up", "Shift+Down", "Alt+Shift+Up", "Alt+Shift+Down"), _LAYERS),
    **dict.fromkeys(("Alt+Up", "Alt+Down"), _AXES),
}
"""Keys of napari's own that the review may use, and why; no other may be chosen."""

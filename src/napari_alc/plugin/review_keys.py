"""The keys of the review: one table for the bindings, the labels of buttons, and the help.

All are free in napari while a Shapes layer is active, or take over what napari would do with
the boxes behind the document's back (Delete, Backspace, 3, Escape). Keys that no widget of
the window wants reach the canvas too, so binding them on the layers is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape

from app_model.backends.qt import qkeysequence2modelkeybinding
from napari.layers import Layer
from qtpy.QtGui import QKeySequence


@dataclass(frozen=True)
class Command:
    """Something that a key or a button does.

    Parameters
    ----------
    name
        Of the page's method that does it.
    label
        On its button.
    keys
        Qt's portable key names; the first is the one shown.
    tip
        What it does, in a sentence.
    held
        Whether it lasts while the key is held.
    """

    name: str
    label: str
    keys: tuple[str, ...]
    tip: str
    held: bool = False


_TABLE = (
    Command("next_box", "Next", ("J",), "Goes to the next box that nobody has decided on."),
    Command(
        "previous_box", "Previous", ("Shift+J",), "Goes back to the box before that is still open."
    ),
    Command("keep", "Keep", ("K",), "The box is right as it is. Goes on to the next open box."),
    Command(
        "delete",
        "Delete",
        ("Q", "Del", "Backspace", "3"),
        "There is no object here. Goes on to the next open box.",
    ),
    Command(
        "draw",
        "Draw a box",
        ("W",),
        "Drag with the mouse from corner to corner. Press again to stop drawing.",
    ),
    Command("stop_drawing", "Stop drawing", ("Esc",), "Leaves a half-drawn box out."),
    Command("next_category", "Category", ("M",), "Gives the box the next category."),
    Command("undo", "Undo", ("U", "Ctrl+Z"), "Takes your last decision on this image back."),
    Command(
        "redo", "Redo", ("Shift+U", "Ctrl+Shift+Z"), "Repeats the decision that was taken back."
    ),
    Command("hide_boxes", "Hide", ("H",), "Hides all boxes while you hold the key.", held=True),
    Command(
        "contrast",
        "Contrast",
        ("0",),
        "Stretches the contrast to where the pixels are; only on screen, the image stays as it is.",
    ),
    Command("whole_image", "Whole image", ("G", "Home"), "Shows the whole image."),
    Command("previous_image", "Previous image", ("PgUp",), "Goes to the image before this one."),
    Command(
        "next_image", "Next image", ("PgDown",), "Goes to the image after this one, done or not."
    ),
    Command(
        "done",
        "Done, next image",
        ("N",),
        "Finishes this image and opens the next one. Asks first if boxes are still open.",
    ),
)

COMMANDS: Mapping[str, Command] = {command.name: command for command in _TABLE}
"""Every command by name, in the order of the help."""


def key_text(name: str) -> str:
    """The key of a command as this computer's keyboard writes it."""
    native = QKeySequence.SequenceFormat.NativeText
    return str(QKeySequence(COMMANDS[name].keys[0]).toString(native))


def button_text(name: str) -> str:
    """A button's label with its key."""
    command = COMMANDS[name]
    hold = "hold " if command.held else ""
    return f"{command.label}  [{hold}{key_text(name)}]"


def tip(name: str) -> str:
    """What a command does, with all its keys."""
    command = COMMANDS[name]
    return f"{command.tip}\nKeys: {', '.join(command.keys)}"


def help_html() -> str:
    """All keys as a table."""
    rows = (
        f"<tr><td><b>{escape(', '.join(c.keys))}</b>&nbsp;</td><td>{escape(c.label)}</td>"
        f"<td>&nbsp;{escape(c.tip)}</td></tr>"
        for c in COMMANDS.values()
    )
    return f"<table>{''.join(rows)}</table>"


def bind(
    layers: Iterable[Layer],
    actions: Mapping[str, Callable[[], None]],
    released: Mapping[str, Callable[[], None]],
) -> None:
    """Bind every command on the layers themselves, so that other layers keep their keys.

    Parameters
    ----------
    actions
        What each command does, by its name.
    released
        What the commands that last while a key is held do when it is let go.
    """
    for layer in layers:
        for name, command in COMMANDS.items():
            bound = (
                _held(actions[name], released[name]) if command.held else _pressed(actions[name])
            )
            for key in command.keys:
                binding = qkeysequence2modelkeybinding(QKeySequence(key))
                layer.bind_key(binding, bound, overwrite=True)


def _pressed(action: Callable[[], None]) -> Callable[[Layer], None]:
    def press(_layer: Layer) -> None:
        action()

    return press


def _held(action: Callable[[], None], end: Callable[[], None]) -> Callable[[Layer], Iterator[None]]:
    def hold(_layer: Layer) -> Iterator[None]:
        action()
        yield
        end()

    return hold

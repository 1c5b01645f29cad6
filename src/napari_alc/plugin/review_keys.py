"""The keys of the review as they are set, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from html import escape

from app_model.backends.qt import qkeysequence2modelkeybinding
from napari.layers import Layer
from qtpy.QtGui import QKeySequence

from napari_alc.plugin import preferences, review_commands
from napari_alc.plugin.review_commands import GROUPS, Command
from napari_alc.plugin.review_key_choice import Choice, choose, napari_keys

WHERE_TO_CHANGE = (
    "Keys can be changed in napari's menu File → Preferences → Active Label Cleaning, "
    "under Review keys."
)

_SPOKEN = {",": " (comma)", ".": " (full stop)"}
"""Signs that are easily overlooked, and what they are called."""

_BOUND = (
    *("next_box", "previous_box", "keep", "delete", "draw", "stop_drawing", "next_category"),
    *("undo", "redo", "hide_boxes", "contrast", "whole_image", "previous_image", "next_image"),
    "done",
)

COMMANDS: Mapping[str, Command] = {name: review_commands.COMMANDS[name] for name in _BOUND}
"""The commands that the page binds with `bind`."""


def current() -> Choice:
    """The keys as they are set in napari's preferences."""
    return _chosen(tuple(preferences.key_texts().items()))


@lru_cache(maxsize=8)
def _chosen(texts: tuple[tuple[str, str], ...]) -> Choice:
    return choose(dict(texts), napari_keys())


def key_text(name: str) -> str:
    """The key of a command as this computer's keyboard writes it."""
    return _native(current().keys[name][0])


def _native(key: str) -> str:
    return str(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText))


def with_keys(text: str) -> str:
    """A text with the keys of the commands named in braces, such as ``{next_box}``."""
    return text.format_map({name: _native(keys[0]) for name, keys in current().keys.items()})


def button_text(name: str) -> str:
    """A button's label with its key."""
    command = review_commands.COMMANDS[name]
    hold = "hold " if command.held else ""
    return f"{command.label}  [{hold}{key_text(name)}]"


def tip(name: str) -> str:
    """What a command does, with all its keys."""
    return f"{review_commands.COMMANDS[name].tip}\nKeys: {_listed(name)}"


def _listed(name: str) -> str:
    return ", ".join(_native(key) + _SPOKEN.get(key, "") for key in current().keys[name])


def help_html() -> str:
    """All keys as a table, group by group."""
    rows = "".join(row for group in GROUPS for row in _group_rows(group))
    return f"<table cellspacing='0' cellpadding='3'>{rows}</table>"


def _group_rows(group: str) -> Iterator[str]:
    yield f"<tr><td colspan='3'><br><b>{escape(group)}</b></td></tr>"
    for command in review_commands.COMMANDS.values():
        if command.group == group:
            cells = (f"<b>{_plain(_listed(command.name))}</b>", _plain(command.label))
            sides = "".join(f"<td>{cell}&nbsp;&nbsp;</td>" for cell in cells)
            yield f"<tr>{sides}<td>{_plain(command.tip)}</td></tr>"


def _plain(text: str) -> str:
    return escape(text, quote=False)


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
            for key in current().keys[name]:
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

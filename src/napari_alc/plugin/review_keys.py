"""The keys of the review as they are set, in words."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from html import escape

from qtpy.QtGui import QKeySequence

from napari_alc.plugin import preferences
from napari_alc.plugin.review_commands import COMMANDS as COMMANDS
from napari_alc.plugin.review_commands import GROUPS
from napari_alc.plugin.review_key_choice import Choice, choose, napari_keys

WHERE_TO_CHANGE = (
    "Keys can be changed in napari's menu File → Preferences → Active Label Cleaning, "
    "under Review keys."
)

_SPOKEN = {",": " (comma)", ".": " (full stop)"}
"""Signs that are easily overlooked, and what they are called."""


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
    command = COMMANDS[name]
    hold = "hold " if command.held else ""
    return f"{command.label}  [{hold}{key_text(name)}]"


def tip(name: str) -> str:
    """What a command does, with all its keys."""
    return f"{COMMANDS[name].tip}\nKeys: {_listed(name)}"


def _listed(name: str) -> str:
    return ", ".join(_native(key) + _SPOKEN.get(key, "") for key in current().keys[name])


def help_html() -> str:
    """All keys as a table, group by group."""
    rows = "".join(row for group in GROUPS for row in _group_rows(group))
    return f"<table cellspacing='0' cellpadding='3'>{rows}</table>"


def _group_rows(group: str) -> Iterator[str]:
    yield f"<tr><td colspan='3'><br><b>{escape(group)}</b></td></tr>"
    for command in COMMANDS.values():
        if command.group == group:
            cells = (f"<b>{_plain(_listed(command.name))}</b>", _plain(command.label))
            sides = "".join(f"<td>{cell}&nbsp;&nbsp;</td>" for cell in cells)
            yield f"<tr>{sides}<td>{_plain(command.tip)}</td></tr>"


def _plain(text: str) -> str:
    return escape(text, quote=False)

"""Which keys the review uses: those chosen in napari's preferences, as far as they can be used.

A command has the keys that a person set for it, else those of the key set that she chose.

A key is written as Qt writes it on every computer, such as ``Ctrl+Z`` or ``PgDown``; several
stand behind each other with commas between them, and the comma is a key too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from app_model import Application
from app_model.backends.qt import QKeyBindingSequence
from app_model.types import KeyBinding
from napari.components import ViewerModel
from napari.layers import Shapes
from qtpy.QtCore import QKeyCombination, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence

from napari_alc.plugin import preferences
from napari_alc.plugin.review.commands import COMMANDS, KEY_SETS, STANDARD, TAKEN_OVER, KeyTexts

_KEY = re.compile(r"\s*((?:\w+\+)*(?:,|[^,]*))\s*(?:,|$)")
"""One key of a list: names of keys to hold, then a comma or a word; then a comma or the end."""

_NO_KEYS_ALONE = frozenset(
    {
        Qt.Key.Key_unknown,
        Qt.Key.Key_Shift,
        Qt.Key.Key_Control,
        Qt.Key.Key_Alt,
        Qt.Key.Key_AltGr,
        Qt.Key.Key_Meta,
        Qt.Key.Key_CapsLock,
        Qt.Key.Key_NumLock,
    }
)
"""Keys that say nothing before another one is pressed."""

_SHIFT = Qt.KeyboardModifier.ShiftModifier
_KEYPAD = Qt.KeyboardModifier.KeypadModifier


@dataclass(frozen=True)
class KeyBindings:
    """The keys of every command, by its name; no key belongs to two, and none has no key.

    `problems`: a sentence for every command whose setting cannot be used; it has its usual keys.
    """

    keys: Mapping[str, tuple[str, ...]]
    problems: tuple[str, ...] = ()


def written(keys: Sequence[str]) -> str:
    """Keys as they stand in the preferences."""
    return ", ".join(keys)


def read(text: str) -> tuple[str, ...]:
    """The keys of a text, each as Qt writes it; what is no key is left as it was typed.

    Examples
    --------
    >>> read("ctrl+z, ,")
    ('Ctrl+Z', ',')
    """
    found = [match.group(1).strip() for match in _KEY.finditer(text)]
    return tuple(dict.fromkeys(_normal(key) or key for key in found if key))


def _normal(text: str) -> str:
    """A key as Qt writes it; empty for what is none."""
    sequence = QKeySequence(text)
    if sequence.count() != 1 or sequence[0].key() in _NO_KEYS_ALONE:
        return ""
    return key_of(sequence[0].key(), sequence[0].keyboardModifiers())


def key_of(key: Qt.Key, modifiers: Qt.KeyboardModifier) -> str:
    """The name of a key with those that are held; empty for what is none."""
    if key in _NO_KEYS_ALONE:
        return ""
    if key == Qt.Key.Key_Backtab:
        key, modifiers = Qt.Key.Key_Tab, modifiers | _SHIFT
    return str(QKeySequence(QKeyCombination(modifiers & ~_KEYPAD, key)).toString())


def keys_pressed(event: QKeyEvent) -> tuple[str, ...]:
    """The names that a key press may go by, the exact one first.

    Many keyboards type digits and signs with Shift, so that a sign typed with Shift is that
    sign too.
    """
    key, modifiers = Qt.Key(event.key()), event.modifiers()
    exact = key_of(key, modifiers)
    if modifiers & _SHIFT and _is_sign(key):
        return exact, key_of(key, modifiers & ~_SHIFT)
    return (exact,) if exact else ()


def _is_sign(key: Qt.Key) -> bool:
    """Whether a key types a digit or a sign; what Shift makes of it differs by keyboard."""
    code = int(key)
    return Qt.Key.Key_Space < code < Qt.Key.Key_ydiaeresis and not chr(code).isalpha()


def choose(
    texts: Mapping[str, str], taken: Mapping[str, str], key_set: str = STANDARD
) -> KeyBindings:
    """The keys that the review uses, where those `taken` belong to napari, with what they do.

    The standard keys stand in the settings that nobody has changed: a command with these has the
    keys of its set.
    """
    usual = KEY_SETS[key_set]
    chosen = dict(usual)
    problems = {}
    for name, keys in _personal(texts).items():
        problem = _problem(keys, taken)
        if problem:
            problems[name] = problem
        else:
            chosen[name] = keys
    while clash := _first_clash(chosen, usual):
        name, other, key = clash
        chosen[name] = usual[name]
        problems[name] = f"{key} is the key of “{COMMANDS[other].label}”."
    words = [
        f"{problem} “{COMMANDS[name].label}” stays on {written(usual[name])}."
        for name, problem in problems.items()
    ]
    return KeyBindings(chosen, tuple(words))


def _personal(texts: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The keys that a person has set."""
    set_keys = {name: read(texts[name]) for name in COMMANDS if name in texts}
    return {name: keys for name, keys in set_keys.items() if keys != COMMANDS[name].keys}


def _problem(keys: Sequence[str], taken: Mapping[str, str]) -> str:
    if not keys:
        return "Every command needs a key."
    for key in keys:
        if not _normal(key):
            return f"“{key}” is no key. Write keys like this: Shift+U, Ctrl+Z, F5."
        if _is_typed_with_shift(key):
            return f"“{key}” types a sign that depends on the keyboard; write that sign instead."
        if key in taken and key not in TAKEN_OVER:
            return f"{key} belongs to napari ({taken[key]})."
    return ""


def _is_typed_with_shift(key: str) -> bool:
    [combination] = QKeySequence(key)
    return bool(combination.keyboardModifiers() & _SHIFT) and _is_sign(combination.key())


def _first_clash(
    chosen: Mapping[str, tuple[str, ...]], usual: Mapping[str, tuple[str, ...]]
) -> tuple[str, str, str] | None:
    """A command that must give way to another over a key: never one that has its usual keys."""
    owners: dict[str, str] = {}
    for name in chosen:
        for key in chosen[name]:
            other = owners.setdefault(key, name)
            if other == name:
                continue
            if chosen[name] == usual[name]:
                return other, name, key
            return name, other, key
    return None


def napari_keys() -> dict[str, str]:
    """The keys of napari's menus, viewer and Shapes layers, with what they do there.

    Complete once a viewer is open: napari binds them when it opens its window.
    """
    keymaps = [
        owner.__dict__.get("class_keymap", {})
        for cls in (Shapes, ViewerModel)
        for owner in cls.__mro__
    ]
    bound = {
        _qt_name(binding): function.__name__.replace("_", " ")
        for keymap in keymaps
        for binding, function in keymap.items()
    }
    app = Application.get_app("napari")
    menus = () if app is None else app.keybindings
    return {**{_qt_name(item.keybinding): "in its menus" for item in menus}, **bound}


def _qt_name(binding: KeyBinding) -> str:
    return str(QKeyBindingSequence(binding).toString())


def current() -> KeyBindings:
    """The keys as they are set in napari's preferences."""
    return _chosen(tuple(preferences.key_texts().items()), preferences.key_set())


@lru_cache(maxsize=8)
def _chosen(texts: tuple[tuple[str, str], ...], key_set: str) -> KeyBindings:
    return choose(dict(texts), napari_keys(), key_set)


def current_texts() -> KeyTexts:
    """The keys in use as this computer's keyboard writes them."""
    keys = current().keys
    return KeyTexts({name: tuple(map(_native, keys[name])) for name in keys})


def _native(key: str) -> str:
    return str(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText))

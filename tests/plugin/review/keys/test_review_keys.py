"""The keys of the review: the table, what people may choose, and real keys in a real window."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_model import Application
from hypothesis import given
from hypothesis import strategies as st
from key_events import NONE, SHIFT, by_place, press, send, use
from npe2 import PluginManifest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from review_driver import APP

import napari_alc.plugin
from napari_alc.plugin import preferences
from napari_alc.plugin.review import messages
from napari_alc.plugin.review.commands import COMMANDS, FAR, GROUPS, KEY_SETS, NUDGES, TAKEN_OVER
from napari_alc.plugin.review.keys import bindings
from napari_alc.plugin.review.keys.bindings import choose, napari_keys, read, written
from napari_alc.plugin.review.keys.help_window import MOUSE, HelpWindow
from napari_alc.plugin.review.keys.places import latin_key

MANIFEST = Path(napari_alc.plugin.__file__).with_name("napari.yaml")
ALL_KEYS = [(name, key) for name, command in COMMANDS.items() for key in command.keys]

key_names = st.builds(
    lambda held, key: f"{held}{key}",
    st.sampled_from(("", "Ctrl+", "Alt+", "Ctrl+Alt+")),
    st.sampled_from(("A", "J", "K", "Z", ",", ".", "?", "3", "F5", "Left", "PgDown", "Tab", "Del")),
)


@pytest.mark.parametrize("key_set", KEY_SETS)
def test_no_key_does_two_things(key_set):
    keys = [key for keys in KEY_SETS[key_set].values() for key in keys]
    assert len(keys) == len(set(keys))
    assert [key for key in keys if QKeySequence(key).toString() != key] == []


def test_every_command_has_a_group_and_a_tip():
    groups = [command.group for command in COMMANDS.values()]
    assert list(dict.fromkeys(groups)) == list(GROUPS)
    assert sorted(groups, key=GROUPS.index) == groups
    assert all(command.tip.endswith(".") for command in COMMANDS.values())


def test_arrows_move_and_grow_by_one_or_ten_pixels():
    nudges = {key: NUDGES[name] for name, key in ALL_KEYS if name in NUDGES}
    assert len(nudges) == len(NUDGES) == 16
    for key, nudge in nudges.items():
        step = FAR if "Shift" in key else 1
        x, y = {"Left": (-1, 0), "Right": (1, 0), "Up": (0, -1), "Down": (0, 1)}[key.split("+")[-1]]
        assert (nudge.dx, nudge.dy, nudge.grow) == (step * x, step * y, "Alt" in key)


def test_no_key_needs_altgr_on_a_german_or_french_keyboard():
    hidden = set("@{}[]\\|~€µ#^`¤")
    assert [
        keys for of in KEY_SETS.values() for keys in of.values() if hidden & {*"".join(keys)}
    ] == []


def test_the_manifest_offers_every_command_with_its_keys():
    manifest = PluginManifest.from_file(MANIFEST)
    settings = manifest.contributions.configurations["review_keys"].properties
    offered = [
        (name, item.title, item.description, item.default) for name, item in settings.items()
    ]
    assert offered == [
        (command.name, command.label, command.tip, written(command.keys))
        for command in COMMANDS.values()
    ]


@pytest.mark.usefixtures("viewer")
def test_only_keys_taken_over_for_a_reason_belong_to_napari_too(monkeypatch):
    app = Application.get_app(APP)
    monkeypatch.setattr(Application, "get_app", lambda _name: app)
    of_napari = napari_keys()
    assert {"A", "Ctrl+Y", "Ctrl+S", "Space"} <= set(of_napari)
    used = {key for of in KEY_SETS.values() for keys in of.values() for key in keys}
    shared = {key for key in used if key in of_napari}
    assert shared == set(TAKEN_OVER)


@given(st.lists(key_names, min_size=1, max_size=4, unique=True))
def test_keys_are_read_as_they_are_written(keys):
    assert read(written(keys)) == tuple(QKeySequence(key).toString() for key in keys)


def test_keys_may_be_typed_carelessly():
    assert read(" ctrl+z,u ") == ("Ctrl+Z", "U")
    assert read(",, K") == (",", "K")
    assert read("Ctrl+,,U") == ("Ctrl+,", "U")
    assert read("U, U,") == ("U",)
    assert read("  ") == ()


@given(
    st.dictionaries(
        st.sampled_from(sorted(COMMANDS)),
        st.lists(key_names, max_size=3).map(written) | st.sampled_from(("", "nonsense", "Shift")),
    ),
    st.sampled_from(sorted(KEY_SETS)),
)
def test_whatever_is_set_every_command_has_keys_of_its_own(texts, key_set):
    choice = choose(texts, {"A": "select all", "Left": "go through slices"}, key_set)
    keys = [key for keys in choice.keys.values() for key in keys]
    assert set(choice.keys) == set(COMMANDS)
    assert all(choice.keys.values())
    assert len(keys) == len(set(keys))
    assert "A" not in keys
    usual = KEY_SETS[key_set]
    own = {name for name, text in texts.items() if read(text) != COMMANDS[name].keys}
    unlike = [name for name in own if choice.keys[name] != read(texts[name])]
    assert len(choice.problems) == len(unlike)
    assert all(choice.keys[name] == usual[name] for name in {*usual} - own | {*unlike})


def test_two_commands_may_change_places():
    choice = choose({"keep": "J", "next_box": "K"}, {})
    assert (choice.keys["keep"], choice.keys["next_box"]) == (("J",), ("K",))
    assert choice.problems == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Every command needs a key."),
        ("Hello", "“Hello” is no key. Write keys like this: Shift+U, Ctrl+Z, F5."),
        ("J", "J is the key of “Next”."),
        ("L", "L belongs to napari (activate add line mode)."),
        (
            "Shift+8",
            "“Shift+8” types a sign that depends on the keyboard; write that sign instead.",
        ),
    ],
)
def test_a_key_that_cannot_be_used_is_told_in_words(text, problem):
    choice = choose({"keep": text}, {"L": "activate add line mode"})
    assert choice.problems == (f"{problem} “Keep” stays on K.",)
    assert choice.keys["keep"] == ("K",)


@pytest.mark.parametrize("key_set", KEY_SETS)
def test_every_key_reaches_its_command_and_napari_does_nothing(
    page, canvas, viewer, qtbot, key_set
):
    use(page, key_set, qtbot)
    layer = viewer.layers["boxes"]
    names = {key: name for name, keys in KEY_SETS[key_set].items() for key in keys}
    came = {}
    for key in names:
        press(canvas, key, SHIFT if key == "?" else NONE)
        came[key] = page.take()
        assert (layer.nshapes, layer.visible, str(layer.mode)) == (1, True, "pan_zoom"), key
        assert viewer.layers.selection == {layer}, key
    [held] = KEY_SETS[key_set]["hide_boxes"]
    told = {key: [name] for key, name in names.items()}
    assert came == told | {held: ["hide_boxes", "hide_boxes ends"]}


def test_signs_that_a_french_keyboard_types_with_shift_count(page, canvas):
    press(canvas, "3", SHIFT)
    press(canvas, ".", SHIFT)
    QTest.keyClicks(canvas, "?")
    assert page.take() == ["category_3", "take_ma", "help"]


def test_keys_work_beside_the_canvas_but_typing_is_typing(page, viewer):
    for widget in (page.button, viewer.window._qt_window, viewer.window._qt_viewer.dims):
        press(widget, "K")
        assert page.take() == ["keep"]
    QTest.keyClicks(page.line, "keep?")
    assert page.line.text() == "keep?"
    press(page.line, "F1")
    assert page.take() == ["help"]


def test_another_layer_gives_way_to_the_boxes_with_a_word(page, canvas, viewer):
    other = viewer.add_shapes([[[0, 0], [0, 9], [9, 9], [9, 0]]], name="other")
    other.selected_data = {0}
    viewer.layers.selection.active = other
    said = []
    page.keys.refused.connect(said.append)
    press(canvas, "Del")
    assert (page.take(), said, other.nshapes) == ([], [messages.BACK_ON_BOXES], 1)
    press(canvas, "Del")
    assert page.take() == ["delete"]


def test_without_boxes_in_the_viewer_every_layer_keeps_its_own_keys(page, canvas, viewer):
    viewer.layers.remove("boxes")
    other = viewer.add_shapes([[[0, 0], [0, 9], [9, 9], [9, 0]]], name="other")
    other.selected_data = {0}
    press(canvas, "Del")
    assert (page.take(), other.nshapes) == ([], 0)


def is_claimed(widget, key):
    """Whether a key is kept from the menus, whose shortcuts come before keys."""
    event = QKeyEvent(QEvent.Type.ShortcutOverride, key, NONE)
    event.ignore()
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


def test_keys_of_a_menu_are_the_review_s_while_it_is_in_sight(page, canvas):
    assert is_claimed(canvas, Qt.Key.Key_K)
    assert not is_claimed(canvas, Qt.Key.Key_F12)
    page.hide()
    assert not is_claimed(canvas, Qt.Key.Key_K)


RUSSIAN = {"keep": ("\u041b", 37), "delete": ("\u0419", 16), "take_mp": ("\u0411", 51)}
GREEK = {"keep": ("\u039a", 37), "draw": ("\u03a3", 17), "delete": (";", 16)}
"""Commands by what a keyboard types, and the code of the key on Linux."""


@pytest.mark.parametrize("layout", [RUSSIAN, GREEK], ids=["russian", "greek"])
def test_letters_that_are_not_latin_act_by_their_place(page, canvas, layout):
    for letter, code in layout.values():
        by_place(canvas, letter, code)
    assert page.take() == list(layout)


def test_a_russian_control_z_takes_back(page, canvas):
    by_place(canvas, "\u042f", 44, Qt.KeyboardModifier.ControlModifier)
    assert page.take() == ["undo"]


def test_a_sign_acts_by_its_name_where_letters_are_latin(page, canvas):
    by_place(canvas, "k", 37)
    by_place(canvas, ";", 16)
    by_place(canvas, "\u00e9", 3)
    assert page.take() == ["keep"]


@pytest.mark.parametrize(
    ("platform", "scan", "virtual"), [("xcb", 45, 0), ("windows", 37, 0), ("cocoa", 1, 40)]
)
def test_a_place_is_known_on_every_system(platform, scan, virtual):
    event = QKeyEvent(QEvent.Type.KeyPress, 0x41B, NONE, scan, virtual, 0, "\u043b")
    assert latin_key(event, platform) == Qt.Key.Key_K
    assert latin_key(QKeyEvent(QEvent.Type.KeyPress, 0x41B, NONE, 250, 250, 0), platform) is None


def test_a_held_arrow_repeats_and_a_held_decision_does_not(page, canvas):
    kind = QEvent.Type.KeyPress
    for again in (False, True, True):
        send(canvas, kind, Qt.Key.Key_Left, SHIFT, again=again)
        send(canvas, kind, Qt.Key.Key_K, text="k", again=again)
    assert sorted(page.take()) == ["far_left"] * 3 + ["keep"]


def test_boxes_stay_hidden_until_the_key_is_let_go(page, canvas, viewer):
    down, up = QEvent.Type.KeyPress, QEvent.Type.KeyRelease
    send(canvas, down, Qt.Key.Key_H, text="h")
    for kind in (up, down):
        send(canvas, kind, Qt.Key.Key_H, text="h", again=True)
    assert page.take() == ["hide_boxes"]
    send(canvas, up, Qt.Key.Key_H, text="h")
    assert page.take() == ["hide_boxes ends"]
    send(canvas, down, Qt.Key.Key_H, text="h")
    QApplication.sendEvent(viewer.window._qt_window, QEvent(QEvent.Type.WindowDeactivate))
    assert page.take() == ["hide_boxes", "hide_boxes ends"]


def test_keys_set_in_the_preferences_count_at_once(page, canvas, qtbot):
    settings = preferences._settings().review_keys
    with qtbot.waitSignal(page.keys.changed):
        settings.keep = "Y, F6"
    press(canvas, "Y")
    press(canvas, "F6")
    press(canvas, "K")
    assert page.take() == ["keep", "keep"]
    assert bindings.current_texts().button("keep") == "Keep  [Y]"
    assert bindings.current_texts().tip("keep").endswith("Keys: Y, F6")
    assert bindings.current_texts().filled("press {keep}") == "press Y"
    with qtbot.waitSignal(page.keys.changed):
        settings.update({"keep": "L", "draw": ""})
    assert [problem.split(" (")[0] for problem in bindings.current().problems] == [
        "L belongs to napari",
        "Every command needs a key. “Draw a box” stays on W.",
    ]
    press(canvas, "K")
    assert page.take() == ["keep"]


def test_the_look_is_remembered(own_settings):
    assert (preferences.palette(), preferences.labels()) == ("standard", "none")
    preferences.set_palette("colour-blind")
    preferences.set_labels("score")
    assert (preferences.palette(), preferences.labels()) == ("colour-blind", "score")
    assert "colour-blind" in (own_settings / "napari-alc.yaml").read_text()


@pytest.fixture
def help_window(page, qtbot):
    window = HelpWindow(page)
    qtbot.addWidget(window)
    window.show()
    return window


def test_the_help_shows_every_key_as_it_is_set(page, qtbot):
    preferences._settings().review_keys.keep = "Y, F6"
    window = HelpWindow(page)
    qtbot.addWidget(window)
    window.show()
    text = window.table.toPlainText()
    assert "Y, F6" in text
    assert ", (comma)" in text
    assert [c.tip for c in COMMANDS.values() if c.tip not in text] == []
    assert [group for group in GROUPS if group not in text] == []
    assert [tip for *_, tip in MOUSE if tip not in text] == []


def test_the_help_fits_a_small_screen_scrolls_and_lets_one_work_on(help_window):
    assert not help_window.isModal()
    room = help_window.screen().availableSize()
    assert help_window.width() < min(room.width(), 1280)
    assert help_window.height() < room.height()
    assert help_window.table.verticalScrollBar().maximum() > 0
    assert help_window.table.horizontalScrollBar().maximum() == 0


@pytest.mark.parametrize(("key", "more"), [("?", SHIFT), ("F1", NONE), ("Esc", NONE)])
def test_the_help_closes_with_its_own_keys(help_window, key, more):
    press(help_window.table, key, more)
    assert not help_window.isVisible()
    help_window.toggle()
    press(help_window, "K")
    assert help_window.isVisible()


def test_behind_another_page_no_key_decides_anything(page, canvas, viewer):
    layer = viewer.layers["boxes"]
    layer.selected_data = {0}
    page.hide()
    for key in ("Del", "Backspace", "3", "K", "Q", "PgDown"):
        press(canvas, key)
        press(page.parentWidget(), key)
    assert page.take() == []
    assert layer.nshapes == 1
    page.show()
    press(canvas, "K")
    assert page.take() == ["keep"]


def test_keys_work_when_no_layer_is_the_active_one(page, canvas, viewer):
    viewer.layers.selection.clear()
    assert viewer.layers.selection.active is None
    press(canvas, "K")
    assert page.take() == ["keep"]
    assert viewer.layers.selection.active == viewer.layers["boxes"]

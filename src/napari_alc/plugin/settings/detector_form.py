"""The form of the detector: preset, where its weights start, and every number folded away.

Each change is saved at once. The numbers are plain Qt fields rather than magicgui's, since an
empty one has to show what holds without it; magicgui's always hold a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLineEdit, QWidget

from napari_alc.errors import AlcError
from napari_alc.plugin import tooltips
from napari_alc.plugin.settings import detector_options as offered
from napari_alc.plugin.widgets.collapsible import Collapsible, form_of
from napari_alc.plugin.widgets.controls import (
    PathRow,
    button_with,
    choice_of,
    enable_choice,
    error_words,
    row_of,
    show_words,
    stack_in,
    words,
)
from napari_alc.project.settings import ProjectSettings

Save = Callable[[Mapping[str, object]], None]
"""Stores changed settings by name; None stands for the preset's own value."""

OTHER = "Other torchvision detector…"

WEIGHTS_FILTER = "Weights (*.pt *.pth);;All files (*)"


class NumberField(QWidget):
    """A field for a number that may stay empty, with room for what is wrong below it."""

    entered = Signal(object)
    """Emitted with a number that may be stored, or None where the field was emptied."""

    def __init__(self, number: offered.NumberOption) -> None:
        super().__init__()
        self.number = number
        self._shown = ""
        self.line = QLineEdit()
        self.line.setToolTip(number.tooltip)
        self.line.setAccessibleName(number.label)
        self.line.editingFinished.connect(self._on_entered)
        self.problem = error_words()
        stack_in(self, self.line, self.problem).setSpacing(1)

    def show_value(self, value: object, own: str) -> None:
        """Show what is stored, and what holds where that is nothing."""
        self._shown = offered.text_of(value)
        self.line.setText(self._shown)
        self.line.setPlaceholderText(own)
        self.refuse("")

    def refuse(self, problem: str) -> None:
        """Say what is wrong with the text; empty where nothing is."""
        show_words(self.problem, problem)

    def _on_entered(self) -> None:
        text = self.line.text().strip()
        if text == self._shown:
            self.refuse("")
            return
        try:
            value = offered.value_of(self.number, text)
        except AlcError as error:
            self.refuse(str(error))
            return
        self.entered.emit(value)


class DetectorForm(QWidget):
    """Shows the detector of a project and lets it be changed.

    What `save` refuses with `AlcError` is shown beside the field.
    """

    def __init__(self, save: Save) -> None:
        super().__init__()
        self._save = save
        self._stored: Mapping[str, object] = {}
        self._settings = offered.USUAL
        self._make_fields()
        self.numbers = {number.name: NumberField(number) for number in offered.NUMBERS}
        self.choices = {
            option.name: choice_of(option.words, option.tooltip) for option in offered.CHOICES
        }
        self.advanced = Collapsible("", self._advanced_rows(), tooltips.ADVANCED)
        self.back = button_with("Back to the preset's own", tooltips.PRESETS_OWN)
        self.problem = error_words()
        self._arrange()
        self._connect()

    def _make_fields(self) -> None:
        self.preset = choice_of({**offered.PRESETS, "": OTHER}, tooltips.PRESET)
        self.other = choice_of({name: name for name in offered.OTHERS}, tooltips.OTHER_DETECTOR)
        self.weights = choice_of(offered.WEIGHTS, tooltips.WEIGHTS)
        self.weights_words = words()
        self.file = PathRow("Weights", WEIGHTS_FILTER, folder=False, tooltip=tooltips.WEIGHTS_FILE)
        self.file.line.setPlaceholderText("a .pt or .pth file")
        self.weights_problem = error_words()

    def _advanced_rows(self) -> QWidget:
        form = form_of()
        for option in offered.CHOICES:
            form.addRow(option.label, self.choices[option.name])
        for field in self.numbers.values():
            form.addRow(field.number.label, field)
        rows = QWidget()
        rows.setLayout(form)
        return rows

    def _arrange(self) -> None:
        self._rows = form_of(
            ("Detector", self.preset),
            ("", self.other),
            ("Weights from", self.weights),
            ("", self.file),
        )
        own = row_of(self.back)
        weights = (self.weights_problem, self.weights_words)
        stack_in(self, self._rows, *weights, self.advanced, self.problem, own)

    def _connect(self) -> None:
        # `activated` comes from people only: showing a project saves nothing
        self.preset.activated.connect(self._on_preset)
        self.other.activated.connect(self._on_preset)
        self.weights.activated.connect(self._on_weights)
        for option in offered.CHOICES:
            self.choices[option.name].activated.connect(lambda _, one=option: self._on_choice(one))
        self.file.changed.connect(self._on_file)
        for field in self.numbers.values():
            field.entered.connect(lambda value, field=field: self._on_number(field, value))
        self.back.clicked.connect(self.go_back_to_own)

    def show_detector(self, settings: ProjectSettings) -> None:
        """Show what a project says about its detector, and what holds where it says nothing."""
        self._stored = settings.detector.given
        self._settings = settings.seeded_detector
        self._show_preset()
        self._show_weights(offered.weights_kind(self._settings))
        for option in offered.CHOICES:
            choice = self.choices[option.name]
            choice.setCurrentIndex(choice.findData(option.shown(self._settings)))
        for name, field in self.numbers.items():
            field.show_value(self._stored.get(name), field.number.own(self._settings))
        changed = len(self._stored.keys() - {"preset", "weights"})
        self.advanced.set_title(f"Advanced ({changed} changed)" if changed else "Advanced")
        self.back.setEnabled(bool(offered.back_to_own(self._stored)))
        show_words(self.problem, "")

    def set_locked(self, is_locked: bool) -> None:
        """Let everything be looked at, and nothing be changed."""
        fields = (self.preset, self.other, self.weights, self.file)
        for widget in (*fields, *self.choices.values(), *self.numbers.values()):
            widget.setEnabled(not is_locked)
        self.back.setVisible(not is_locked)

    def _show_preset(self) -> None:
        preset = self._settings.preset
        is_other = preset not in offered.PRESETS
        if is_other and self.other.findData(preset) < 0:
            self.other.addItem(preset, preset)
        self.preset.setCurrentIndex(self.preset.findData("" if is_other else preset))
        self.other.setCurrentIndex(max(0, self.other.findData(preset)))
        self._rows.setRowVisible(self.other, is_other)

    def _show_weights(self, kind: str) -> None:
        """Show a way to start; a file is stored only once it is chosen."""
        preset = self._settings.preset
        enable_choice(self.weights, offered.IMAGENET, offered.has_imagenet(preset))
        self.weights.setCurrentIndex(self.weights.findData(kind))
        show_words(self.weights_words, offered.weights_sentence(preset, kind))
        self._rows.setRowVisible(self.file, kind == offered.FILE)
        show_words(self.weights_problem, "")
        is_stored = offered.weights_kind(self._settings) == offered.FILE
        self.file.line.setText(self._settings.initial_weights if is_stored else "")

    def _on_preset(self) -> None:
        preset = self.preset.currentData() or self.other.currentData()
        self._change(offered.with_preset(self._stored, preset))

    def _on_weights(self) -> None:
        kind = self.weights.currentData()
        if kind == offered.FILE:
            self._show_weights(kind)
        else:
            stored = offered.stored_weights(self._settings.preset, kind)
            self._change({"weights": stored})

    def _on_file(self) -> None:
        try:
            chosen = offered.weights_file(self.file.path)
        except AlcError as error:
            show_words(self.weights_problem, str(error))
            return
        self._change({"weights": chosen})

    def _on_choice(self, option: offered.ChoiceOption) -> None:
        chosen = self.choices[option.name].currentData()
        self._change({option.name: option.stored(chosen)})

    def _on_number(self, field: NumberField, value: object) -> None:
        try:
            self._save({field.number.name: value})
        except AlcError as error:
            field.refuse(str(error))

    def go_back_to_own(self) -> None:
        """Take everything back that differs from the preset."""
        self._change(offered.back_to_own(self._stored))

    def _change(self, changes: Mapping[str, object]) -> None:
        try:
            self._save(changes)
        except AlcError as error:
            show_words(self.problem, str(error))

"""The numbers of the method as fields of magicgui, made from the type hints of the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from magicgui.widgets import create_widget
from qtpy.QtWidgets import QAbstractSpinBox, QWidget

from napari_alc.cleaning.selection import STRATEGIES
from napari_alc.errors import AlcError
from napari_alc.plugin import tooltips
from napari_alc.plugin.widgets.collapsible import Collapsible, form_of
from napari_alc.plugin.widgets.controls import MOST_IMAGES, error_words, show_words, stack_in
from napari_alc.plugin.widgets.limits import LimitedField, images_words
from napari_alc.project.settings import LARGEST_SEED, MethodSettings

AUTOMATIC = -1.0
"""Stored where the confidence limit is found on the validation images."""

LEAST_SHOWN = -0.01
"""What the field of the confidence limit shows as "automatic"."""


@dataclass(frozen=True)
class MethodOption:
    """A setting as the form shows it; magicgui is told of its `widget`, such as the least value."""

    label: str
    tooltip: str
    widget: Mapping[str, Any] = field(default_factory=dict)


_SHARE = {"min": 0.0, "max": 1.0, "step": 0.05}

OPTIONS: Mapping[str, MethodOption] = {
    "per_iteration": MethodOption(
        "Images a round (k)",
        "How many images go to the pathologist in each round.",
        {"min": 1, "max": MOST_IMAGES},
    ),
    "iterations": MethodOption(
        "Rounds (g)",
        "How many times training and selecting follow the first images (the iterations of the "
        "method). You can stop earlier.",
        {"min": 0, "max": MOST_IMAGES},
    ),
    "strategy": MethodOption(
        "Choose images by",
        "\n".join(f"{known.title}: {known.sentence}" for known in STRATEGIES.values()),
        {"choices": tuple((strategy.title, name) for name, strategy in STRATEGIES.items())},
    ),
    "tau": MethodOption(
        "Confidence limit (tau)",
        "How sure a model has to be of a box, 0 to 1, for the box to count. Automatic: what is "
        "best on the validation images, 0.5 without such images.",
        {"min": LEAST_SHOWN, "max": 1.0, "step": 0.01},
    ),
    "iou": MethodOption(
        "Boxes match above (IoU)",
        "Two boxes are the same object when they overlap by more than this share.",
        _SHARE,
    ),
    "delta": MethodOption(
        "Crowd agrees above (delta)",
        "The crowd has seen a pathologist's box when it covers more than this share of it.",
        _SHARE,
    ),
    "gamma": MethodOption(
        "Box in box above (gamma)",
        "A crowd box is dropped when more than this share of a detector's box lies inside it.",
        _SHARE,
    ),
    "seed": MethodOption(
        "Seed",
        "Two runs with the same seed choose and learn alike.",
        {"min": 0, "max": LARGEST_SEED},
    ),
    "matching": MethodOption(
        "A box may match",
        "Several: an object that the crowd drew twice is one object. One: the second drawing "
        "counts as seen by the crowd alone.",
        {"choices": (("several boxes of a model", "existential"), ("one box", "one-to-one"))},
    ),
    "gray_without_mp": MethodOption(
        "Where Mp saw nothing, keep",
        "Which box becomes the label where the crowd and the shared model (Ma) agree and the "
        "expert's model (Mp) saw nothing.",
        {"choices": (("Ma's box", "ma"), ("the crowd's box", "crowd"))},
    ),
    "green_argmax": MethodOption(
        "Green box without overlap",
        "The score of a box of the crowd that no box of the expert's model (Mp) overlaps: 0, or, "
        "to the letter of the paper's formula, that of the model's first box in the image.",
        {"choices": (("has the score 0", "overlapping"), ("takes the first", "literal"))},
    ),
    "green_score_from_all": MethodOption(
        "Mp's boxes below the limit",
        "Whether boxes of the expert's model (Mp) below the confidence limit may lend their score "
        "to a box of the crowd.",
        {"choices": (("lend their score too", True), ("do not count", False))},
    ),
}
"""The settings that may change while a project is going on, in the order of the form."""

OF_IMAGES = ("per_iteration", "iterations")
"""Settings of which more than the project has images make no sense."""

THRESHOLDS = ("tau", "iou", "delta", "gamma", "seed")
"""Settings that are folded away: the paper's values suit most projects."""

READINGS = ("matching", "gray_without_mp", "green_argmax", "green_score_from_all")
"""Settings that are folded away too: where the paper is silent."""

Save = Callable[[Mapping[str, object]], None]


class MethodForm(QWidget):
    """Shows the method's numbers and lets them be changed; each change is saved at once.

    `save` stores changes by name; what it refuses with `AlcError` is shown below the fields.
    """

    def __init__(self, save: Save) -> None:
        super().__init__()
        self._save = save
        self.fields = {name: _field(name, option) for name, option in OPTIONS.items()}
        self.limited = {
            name: LimitedField(shown.native)
            for name, shown in self.fields.items()
            if isinstance(shown.native, QAbstractSpinBox)
        }
        self.thresholds = Collapsible(
            "Limits and seed", self._rows(THRESHOLDS), tooltips.THRESHOLDS
        )
        self.readings = Collapsible(
            "Readings of the method", self._rows(READINGS), tooltips.READINGS
        )
        self.problem = error_words()
        folded = (*THRESHOLDS, *READINGS)
        first = self._rows(name for name in OPTIONS if name not in folded)
        stack_in(self, first, self.thresholds, self.readings, self.problem)
        for name, shown in self.fields.items():
            shown.changed.connect(lambda value, name=name: self._on_changed(name, value))

    def _rows(self, names: Iterable[str]) -> QWidget:
        rows = QWidget()
        shown = {name: self.limited.get(name, self.fields[name].native) for name in names}
        form = form_of(*((OPTIONS[name].label, field) for name, field in shown.items()))
        rows.setLayout(form)
        return rows

    def show_method(self, method: MethodSettings, images: int) -> None:
        """Show what is stored in a project of so many images."""
        show_words(self.problem, "")
        for name, value in method:
            if name in self.fields:
                with self.fields[name].changed.blocked():
                    if name in OF_IMAGES:
                        self.limited[name].set_most(images, images_words(images), value)
                    self.fields[name].value = max(value, LEAST_SHOWN) if name == "tau" else value

    def set_locked(self, is_locked: bool) -> None:
        """Let everything be looked at, and nothing be changed."""
        for shown in self.fields.values():
            shown.enabled = not is_locked

    def _on_changed(self, name: str, value: object) -> None:
        is_automatic = name == "tau" and isinstance(value, float) and value < 0
        try:
            self._save({name: AUTOMATIC if is_automatic else value})
        except AlcError as error:
            show_words(self.problem, str(error))


def _field(name: str, option: MethodOption) -> Any:
    is_choice = "choices" in option.widget
    shown: Any = create_widget(
        annotation=get_type_hints(MethodSettings)[name],
        value=getattr(MethodSettings(), name) if name != "tau" else LEAST_SHOWN,
        name=name,
        label=option.label,
        options={**option.widget, **({"widget_type": "ComboBox"} if is_choice else {})},
    )
    shown.tooltip = option.tooltip
    if name == "tau":
        shown.native.setSpecialValueText("automatic")
    return shown

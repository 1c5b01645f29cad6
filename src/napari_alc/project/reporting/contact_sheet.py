"""Images before and after, side by side, in the manner of the paper's Figure 5.

Colours are those of Okabe and Ito, which are told apart by colour-blind eyes too; each also has a
line of its own, for prints in gray.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_alc.boxes import Boxes
from napari_alc.evaluation.label_noise import compare_labels
from napari_alc.formats.images import normalise, read_measured_image
from napari_alc.labels import ImageRecord, Labels, LabelSet
from napari_alc.project.project import Project
from napari_alc.project.steps.correct import REMOVED, REPLACED, REVIEW, CorrectionPreview
from napari_alc.wording import length_words, round_length

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.typing import LineStyleType

LONGEST = 900
"""Pixels of a shown image's longer side: sharp in print, and small enough for one file."""

PICTURES = 6
"""Images on a sheet."""

WIDTH = 7.5
"""Inches of a sheet: the text width of a page."""

LEAST_FOR_COLUMNS = 6.0
"""Inches of a sheet whose legend has a column for the left and one for the right."""

DOTS = 160
"""Pixels an inch."""

LONGEST_BAR = 0.25
"""Of the image's width that the scale bar takes at most."""

DOTS_OF_LINE: LineStyleType = (0, (1, 1))
"""Dots close enough to be seen around a small box."""


@dataclass(frozen=True)
class Style:
    """How boxes of a kind are drawn: words of the legend, ``#rrggbb``, a line of matplotlib's."""

    words: str
    colour: str
    line: LineStyleType = "-"


@dataclass(frozen=True, eq=False)
class Pair:
    """An image twice, with boxes in pixels, float64, shape (N, 4), by how they are drawn."""

    image: ImageRecord
    before: Mapping[Style, Boxes]
    after: Mapping[Style, Boxes]


@dataclass(frozen=True, eq=False)
class Picture:
    """An image as it is shown.

    Parameters
    ----------
    pixels
        uint8, shape (H, W) or (H, W, 3), no side longer than `LONGEST`.
    scale
        Pixels shown for a pixel of the image, at most 1.
    nm
        Side of a pixel of the image in nanometres; None where it is not known.
    """

    pixels: NDArray[np.uint8]
    scale: float
    nm: float | None


CONFIRMED = Style("drawn by the crowd, and right", "#56b4e9")
MISPLACED = Style("wrong place, size or kind", "#e69f00", "--")
AROUND = Style("one box around several objects", "#cc79a7", "-.")
NO_OBJECT = Style("no object there", "#ff5a36", DOTS_OF_LINE)
REDRAWN = Style("put right", "#e69f00", "--")
MISSED = Style("missed by the crowd", "#f0e442")

BEFORE_STYLES = {
    "clean": CONFIRMED,
    "location": MISPLACED,
    "box_in_box": AROUND,
    "background": NO_OBJECT,
}
AFTER_STYLES = {
    "clean": CONFIRMED,
    "location": REDRAWN,
    "box_in_box": REDRAWN,
    "background": MISSED,
}

AGREED = Style("crowd and detectors agree", "#56b4e9")
ADDED = Style("added: missed by the crowd", "#f0e442")
ASKED = Style("left for the pathologist", "#e69f00", "--")
DROPPED = Style("removed: drawn around found objects", "#ff5a36", DOTS_OF_LINE)

LEGEND = (CONFIRMED, MISPLACED, AROUND, NO_OBJECT, REDRAWN, MISSED, AGREED, ADDED, ASKED, DROPPED)

FATE_STYLES = {REPLACED: AGREED, REVIEW: ASKED, REMOVED: DROPPED, "gray": AGREED, "pink": ADDED}


def changed_pairs(crowd: LabelSet, clean: LabelSet, most: int = PICTURES) -> tuple[Pair, ...]:
    """The images that the cleaning has changed most, crowd's and clean labels by what they are.

    Those without a change are left out. Both label sets have the same images and ids of categories.
    """
    before, after = compare_labels(clean, crowd).types, compare_labels(crowd, clean).types
    changed = [
        *crowd.labels.image_ids[before != "clean"].tolist(),
        *clean.labels.image_ids[after == "background"].tolist(),
    ]
    ids, counts = np.unique(np.array(changed, dtype=np.int64), return_counts=True)
    chosen = ids[np.lexsort((ids, -counts))[:most]].tolist()
    images = {image.id: image for image in clean.images}
    return tuple(
        Pair(
            images[number],
            _of_image(crowd.labels, before, number, BEFORE_STYLES),
            _of_image(clean.labels, after, number, AFTER_STYLES),
        )
        for number in chosen
    )


def _of_image(
    labels: Labels, types: NDArray[np.str_], image_id: int, styles: Mapping[str, Style]
) -> dict[Style, Boxes]:
    here = labels.image_ids == image_id
    found: dict[Style, Boxes] = {}
    for name, style in styles.items():
        boxes = labels.boxes[here & (types == name)]
        found[style] = np.concatenate([found[style], boxes]) if style in found else boxes
    return {style: boxes for style, boxes in found.items() if len(boxes)}


def preview_pairs(found: CorrectionPreview) -> tuple[Pair, ...]:
    """The pictures of a preview: what the crowd drew, and what will stand or wait."""
    return tuple(
        Pair(
            picture.image,
            {FATE_STYLES[name]: boxes for name, boxes in picture.before.items()},
            {FATE_STYLES[name]: boxes for name, boxes in picture.after.items()},
        )
        for picture in found.pictures
    )


def read_picture(project: Project, image: ImageRecord) -> Picture:
    """An image of a project as it is shown.

    Raises
    ------
    BadData
        When it is missing, damaged, or of another size.
    """
    return _picture_of(project.path_of(image), image)


def _picture_of(path: Path, image: ImageRecord) -> Picture:
    pixels, nm = read_measured_image(path)
    scale = min(1.0, LONGEST / max(image.width, image.height))
    size = round(image.width * scale), round(image.height * scale)
    shown = Image.fromarray(normalise(pixels))
    if scale < 1:
        shown = shown.resize(size, Image.Resampling.BOX)
    return Picture(np.asarray(shown), scale, nm)


def draw_sheet(
    project: Project,
    pairs: Sequence[Pair],
    titles: tuple[str, str] = ("Crowd labels", "Clean labels"),
    width: float = WIDTH,
) -> bytes:
    """The images as PNG, a row each: before on the left, after on the right, a legend above.

    There is at least one pair. The width is in inches, at 160 pixels an inch.

    Raises
    ------
    BadData
        When an image cannot be read.
    """
    styles = _legend(pairs, width)
    figure, axes = _empty_sheet([pair.image for pair in pairs], width, styles)
    for row, pair in zip(axes, pairs, strict=True):
        picture = read_picture(project, pair.image)
        for place, marks in zip(row, (pair.before, pair.after), strict=True):
            _draw(place, picture, marks)
        row[0].set_xlabel(pair.image.file_name, fontsize=8, loc="left", parse_math=False)
    for place, title in zip(axes[0], titles, strict=True):
        place.set_title(title, fontsize=11)
    _add_legend(figure, styles)
    return as_png(figure)


def draw_example(
    path: Path, image: ImageRecord, marks: Mapping[Style, Boxes], width: float
) -> bytes:
    """One image as PNG with its boxes, a legend above; the width is in inches.

    Raises
    ------
    BadData
        When the image cannot be read.
    """
    from matplotlib.figure import Figure

    picture = _picture_of(path, image)
    height = width * image.height / image.width + 0.18 * len(marks) + 0.45
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    _draw(axes, picture, marks)
    axes.set_xlabel(image.file_name, fontsize=8, loc="left", parse_math=False)
    _add_legend(figure, [list(marks)])
    return as_png(figure)


def _empty_sheet(
    images: Sequence[ImageRecord], width: float, styles: Sequence[Sequence[Style]]
) -> tuple[Figure, Any]:
    """A figure with room for the images and the legend, and its axes, two a row."""
    from matplotlib.figure import Figure

    heights = [image.height / image.width for image in images]
    lines = max(map(len, styles))
    height = sum(heights) * width / 2 + 0.22 * len(images) + 0.18 * lines + 0.45
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(len(images), 2, squeeze=False, height_ratios=heights)


def _legend(pairs: Sequence[Pair], width: float) -> list[list[Style]]:
    """The kinds of boxes on the left and on the right; all in one column on a narrow sheet."""
    columns = [_styles(pair.before for pair in pairs), _styles(pair.after for pair in pairs)]
    if width < LEAST_FOR_COLUMNS:
        return [list(dict.fromkeys([*columns[0], *columns[1]]))]
    return columns


def as_png(figure: Figure) -> bytes:
    """A figure as PNG; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS, metadata={"Software": None})
    return buffer.getvalue()


def _styles(marks: Iterable[Mapping[Style, Boxes]]) -> list[Style]:
    """The kinds of boxes there are, in the order in which they are named above."""
    found = {style for one in marks for style in one}
    return [style for style in LEGEND if style in found]


def _draw(axes: Axes, picture: Picture, marks: Mapping[Style, Boxes]) -> None:
    is_gray = picture.pixels.ndim == 2
    axes.imshow(picture.pixels, cmap="gray" if is_gray else None, vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.autoscale(enable=False)  # a box at the edge must not make room around the image
    for style, boxes in marks.items():
        for x1, y1, x2, y2 in (boxes * picture.scale).tolist():
            axes.add_patch(_rectangle(style, (x1, y1), x2 - x1, y2 - y1))
    if picture.nm is not None:
        _add_scale_bar(axes, picture, picture.nm)


def _rectangle(style: Style, corner: tuple[float, float], width: float, height: float) -> Any:
    """A box with a dark edge around its line, so that it is seen on bright ground too."""
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import Normal, Stroke

    return Rectangle(
        (corner[0] - 0.5, corner[1] - 0.5),
        width,
        height,
        fill=False,
        edgecolor=style.colour,
        linestyle=style.line,
        linewidth=1.6,
        path_effects=[Stroke(linewidth=2.8, foreground="#000000a0"), Normal()],
    )


def _add_scale_bar(axes: Axes, picture: Picture, nm: float) -> None:
    from matplotlib.patheffects import withStroke

    height, width = picture.pixels.shape[:2]
    length = round_length(nm * width / picture.scale * LONGEST_BAR)
    x2, y = 0.97 * width, 0.95 * height
    x1 = x2 - length / nm * picture.scale
    edge = [withStroke(linewidth=4, foreground="black")]
    axes.plot([x1, x2], [y, y], color="white", linewidth=2.5, path_effects=edge)
    axes.text(
        (x1 + x2) / 2,
        y - 0.02 * height,
        length_words(length),
        color="white",
        fontsize=7,
        ha="center",
        va="bottom",
        path_effects=[withStroke(linewidth=2, foreground="black")],
    )


def _add_legend(figure: Figure, styles: Sequence[Sequence[Style]]) -> None:
    """A legend with a column for each of `styles`."""
    from matplotlib.lines import Line2D

    rows = max(map(len, styles))
    padded = [style for column in styles for style in [*column, *[None] * (rows - len(column))]]
    lines = [
        Line2D([], [], linestyle="none")
        if style is None
        else Line2D([], [], color=style.colour, linestyle=style.line, linewidth=2)
        for style in padded
    ]
    legend = figure.legend(
        lines,
        ["" if style is None else style.words for style in padded],
        loc="outside upper center",
        ncols=len(styles),
        fontsize=8,
        facecolor="#4a4a4a",
        labelcolor="white",
        handlelength=3,
        columnspacing=5,
    )
    legend.get_frame().set_alpha(1)

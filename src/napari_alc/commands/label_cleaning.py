"""The method on label files: the commands `regions`, `consensus` and `clean`.

Predictions come as one list for each model, so the score threshold applies to everything
they are used for, the evaluation score of green boxes included.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import orjson
import typer

from napari_alc.boxes import Integers
from napari_alc.cleaning.consensus import consensus as consensus_labels
from napari_alc.cleaning.correction import correct
from napari_alc.cleaning.matching import Matching
from napari_alc.cleaning.regions import (
    GrayWithoutMp,
    GreenArgmax,
    Region,
    SortedLabels,
    Source,
    Thresholds,
    sort_labels,
)
from napari_alc.cleaning.selection import rank, scores
from napari_alc.commands.running import fraction, refuse_overwriting, tell
from napari_alc.files import atomic_write
from napari_alc.formats.coco import AT_ONCE, bbox_lists, read_coco, read_detections, write_coco
from napari_alc.formats.reading import DetectionReading, Reading, require_same_images
from napari_alc.labels import Labels, LabelSet

CrowdFile = Annotated[Path, typer.Option(help="Crowd labels (COCO).")]
MpFile = Annotated[Path, typer.Option(help="Detections of model Mp (COCO results).")]
MaFile = Annotated[Path, typer.Option(help="Detections of model Ma (COCO results).")]
Iou = Annotated[float, typer.Option(callback=fraction, help="Boxes match above this IoU.")]
Gamma = Annotated[
    float,
    typer.Option(
        callback=fraction,
        help="Box-in-box: a crowd box holds a prediction of which it covers more than this share.",
    ),
]
ScoreThreshold = Annotated[
    float, typer.Option(callback=fraction, help="Detections below this score are ignored.")
]
MatchingReading = Annotated[
    Matching, typer.Option(help="How often a box may match boxes of another set.")
]
ArgmaxReading = Annotated[
    GreenArgmax,
    typer.Option(
        help="The score of a crowd box that no Mp box overlaps: 0 (overlapping), or that of the "
        "first Mp box of its image and category (literal)."
    ),
]
GrayReading = Annotated[
    GrayWithoutMp, typer.Option(help="Whose box becomes the label where only crowd and Ma agree.")
]


def _thresholds(
    iou: float, gamma: float, score: float, matching: Matching, green_argmax: GreenArgmax
) -> Thresholds:
    return Thresholds(
        iou, gamma, score, green_score_from_all=False, matching=matching, green_argmax=green_argmax
    )


def _readings_taken(thresholds: Thresholds) -> dict[str, str]:
    """The readings of the LSM that are not the usual ones."""
    readings = {"matching": thresholds.matching, "green_argmax": thresholds.green_argmax}
    usual = Thresholds()
    return {name: value for name, value in readings.items() if value != getattr(usual, name)}


@dataclass(frozen=True)
class _SortedFiles:
    """The labels of three files, sorted; `index` of the rows counts the files' own records."""

    crowd: LabelSet
    labels: SortedLabels
    positions: Integers


def _sort_files(crowd: Path, mp: Path, ma: Path, thresholds: Thresholds) -> _SortedFiles:
    of_crowd = read_coco(crowd)
    of_mp = read_detections(mp, of_crowd.label_set)
    of_ma = read_detections(ma, of_crowd.label_set)
    readings: tuple[Reading | DetectionReading, ...] = (of_crowd, of_mp, of_ma)
    tell(note for reading in readings for note in reading.notes)
    labels = sort_labels(of_crowd.label_set.labels, of_mp.detections, of_ma.detections, thresholds)
    positions = np.concatenate(
        [
            reading.positions[labels.index[labels.source == source]]
            for source, reading in zip(Source, readings, strict=True)
        ]
    )
    return _SortedFiles(of_crowd.label_set, labels, positions)


def _by_image(labels: SortedLabels, rows: Integers) -> Integers:
    """`rows` by image id; within an image crowd, Mp and Ma in the order of their files."""
    return rows[np.argsort(labels.image_ids[rows], kind="stable")]


def _image_records(labels: SortedLabels, image_ids: Integers) -> Iterator[dict[str, object]]:
    inconsistency = scores(labels, image_ids)
    ranked = rank(image_ids, inconsistency)
    by_id = np.sort(image_ids)
    image = np.searchsorted(by_id, labels.image_ids)
    counts = np.bincount(image * len(Region) + labels.region, minlength=len(by_id) * len(Region))
    counts = counts.reshape(-1, len(Region))[np.searchsorted(by_id, ranked)]
    for image_id, score, count in zip(
        ranked.tolist(), np.sort(inconsistency)[::-1].tolist(), counts.tolist(), strict=True
    ):
        yield {
            "image_id": image_id,
            "inconsistency": score,
            **{r.label: count[r] for r in (Region.RED, Region.PINK, Region.GREEN, Region.GRAY)},
        }


def _known(values: Sequence[float]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values]


def _label_records(files: _SortedFiles, rows: Integers) -> list[dict[str, object]]:
    labels = files.labels.take(rows)
    sources, regions_ = [s.label for s in Source], [r.label for r in Region]
    columns = zip(
        labels.image_ids.tolist(),
        labels.source.tolist(),
        files.positions[rows].tolist(),
        labels.category_ids.tolist(),
        bbox_lists(labels.boxes),
        _known(labels.scores.tolist()),
        labels.region.tolist(),
        _known(labels.evaluation_score.tolist()),
        labels.box_in_box.tolist(),
        strict=True,
    )
    return [
        {
            "image_id": image,
            "source": sources[source],
            "index": index,
            "category_id": category,
            "bbox": bbox,
            "score": score,
            "region": regions_[region],
            "evaluation_score": evaluation,
            "box_in_box": inside,
        }
        for image, source, index, category, bbox, score, region, evaluation, inside in columns
    ]


def _write_regions(path: Path, files: _SortedFiles, settings: Mapping[str, object]) -> None:
    images = list(_image_records(files.labels, files.crowd.image_ids))
    rows = _by_image(files.labels, np.arange(len(files.labels)))
    with atomic_write(path) as stream:
        head = orjson.dumps({"settings": settings, "images": images})
        stream.write(head[:-1] + b',"labels":[')
        for start in range(0, len(rows), AT_ONCE):
            records = _label_records(files, rows[start : start + AT_ONCE])
            stream.write((b",\n" if start else b"\n") + orjson.dumps(records)[1:-1])
        stream.write(b"]}\n")


def regions(
    crowd: CrowdFile,
    mp: MpFile,
    ma: MaFile,
    output: Annotated[Path, typer.Option(help="The result to write (JSON).")],
    iou: Iou = 0.5,
    gamma: Gamma = 0.8,
    score_threshold: ScoreThreshold = 0.5,
    matching: MatchingReading = "existential",
    green_argmax: ArgmaxReading = "overlapping",
) -> None:
    """Sort every box into gray, pink, red or green and rank the images by inconsistency.

    Example: `napari-alc regions --crowd crowd.json --mp mp.json --ma ma.json --output regions.json`
    """
    refuse_overwriting([output], [crowd, mp, ma])
    thresholds = _thresholds(iou, gamma, score_threshold, matching, green_argmax)
    files = _sort_files(crowd, mp, ma, thresholds)
    settings = {"iou": iou, "gamma": gamma, "score_threshold": score_threshold}
    _write_regions(output, files, {**settings, **_readings_taken(thresholds)})


def consensus(
    pathologist: Annotated[Path, typer.Option(help="Labels of the pathologists (COCO).")],
    crowd: CrowdFile,
    output: Annotated[Path, typer.Option(help="The consensus labels to write (COCO).")],
    delta: Annotated[
        float,
        typer.Option(
            callback=fraction,
            help="A pathologist box is kept when a crowd box covers more than this share of it.",
        ),
    ] = 0.5,
) -> None:
    """Keep the pathologists' boxes that the crowd saw too: the training labels of Ma.

    The pathologists' file may list only some of the crowd's images.

    Example: `napari-alc consensus --pathologist clean.json --crowd crowd.json --output both.json`
    """
    refuse_overwriting([output], [pathologist, crowd])
    of_pathologist, of_crowd = read_coco(pathologist), read_coco(crowd)
    tell([*of_pathologist.notes, *of_crowd.notes])
    label_set = of_pathologist.label_set
    require_same_images(of_crowd.label_set, crowd, label_set, pathologist, subset=True)
    kept = consensus_labels(label_set.labels, of_crowd.label_set.labels, delta)
    write_coco(output, label_set.with_labels(kept))


def _origin(labels: SortedLabels) -> Iterator[dict[str, object]]:
    for region, source in zip(labels.region.tolist(), labels.source.tolist(), strict=True):
        yield {"region": Region(region).label, "source": Source(source).label}


def _with_scores(labels: SortedLabels) -> Iterator[dict[str, object]]:
    given, evaluation = _known(labels.scores.tolist()), _known(labels.evaluation_score.tolist())
    for origin, score, value in zip(_origin(labels), given, evaluation, strict=True):
        yield {**origin, "score": score, "evaluation_score": value}


def _write_labels(
    path: Path, crowd: LabelSet, labels: SortedLabels, attributes: Iterator[dict[str, object]]
) -> None:
    ids = np.arange(1, len(labels) + 1)
    written = Labels(labels.image_ids, labels.category_ids, labels.boxes, ids)
    write_coco(path, crowd.with_labels(written), list(attributes))


def clean(
    crowd: CrowdFile,
    mp: MpFile,
    ma: MaFile,
    output: Annotated[Path, typer.Option(help="The automatic labels to write (COCO).")],
    review: Annotated[Path, typer.Option(help="The boxes left for a person, to write (COCO).")],
    iou: Iou = 0.5,
    gamma: Gamma = 0.8,
    score_threshold: ScoreThreshold = 0.5,
    matching: MatchingReading = "existential",
    green_argmax: ArgmaxReading = "overlapping",
    gray_without_mp: GrayReading = "ma",
) -> None:
    """Correct gray and pink boxes, drop box-in-box, and leave red and green ones for review.

    Example: `napari-alc clean --crowd crowd.json --mp mp.json --ma ma.json --output automatic.json
    --review review.json`
    """
    refuse_overwriting([output, review], [crowd, mp, ma])
    thresholds = _thresholds(iou, gamma, score_threshold, matching, green_argmax)
    files = _sort_files(crowd, mp, ma, thresholds)
    fate = correct(files.labels, gray_without_mp)
    automatic = files.labels.take(_by_image(files.labels, fate.automatic))
    left = files.labels.take(_by_image(files.labels, fate.review))
    _write_labels(output, files.crowd, automatic, _origin(automatic))
    _write_labels(review, files.crowd, left, _with_scores(left))

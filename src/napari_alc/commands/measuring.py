"""Label files: `evaluate`, `compare-labels`, `add-noise`, and `convert` between their formats."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from napari_alc.commands.running import fraction, refuse_overwriting, tell
from napari_alc.errors import BadData
from napari_alc.evaluation.average_precision import average_precision
from napari_alc.evaluation.label_noise import compare_labels as noise_of
from napari_alc.evaluation.matching import detection_limit
from napari_alc.evaluation.tide import tide_errors
from napari_alc.formats.anyformat import Kind, read_labels, write_labels
from napari_alc.formats.coco import read_coco, read_detections, write_coco
from napari_alc.formats.folders import read_stems
from napari_alc.formats.reading import require_same_images
from napari_alc.labels import LabelSet
from napari_alc.simulation.crowd import NoiseRates
from napari_alc.simulation.crowd import add_noise as spoiled
from napari_alc.simulation.noise_log import write_noise_log

USUAL = NoiseRates()


def _rate(what: str) -> Any:
    return typer.Option(callback=fraction, help=f"{what}, per true box (0–1).")


TruthFile = Annotated[Path, typer.Option(help="Clean labels (COCO).")]


def _print_json(result: object) -> None:
    typer.echo(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode())


def evaluate(
    truth: TruthFile, detections: Annotated[Path, typer.Option(help="Detections (COCO results).")]
) -> None:
    """Print AP50, AP75, AP and the TIDE errors of detections, in percent, as JSON.

    Example: `napari-alc evaluate --truth clean.json --detections detections.json`
    """
    of_truth = read_coco(truth)
    found = read_detections(detections, of_truth.label_set)
    tell([*of_truth.notes, *found.notes])
    if not len(of_truth.label_set.labels):
        raise BadData(truth, "holds no box", "Give clean labels with at least one box")
    limit = detection_limit(found.detections)
    precision = average_precision(of_truth.label_set, found.detections, limit)
    errors = tide_errors(of_truth.label_set, found.detections, limit)
    _print_json(
        {
            "AP50": precision.ap50,
            "AP75": precision.ap75,
            "AP": precision.ap,
            "TIDE": errors.gains(),
            "per_category": precision.per_category,
        }
    )


def compare_labels(
    truth: TruthFile, labels: Annotated[Path, typer.Option(help="The labels to judge (COCO).")]
) -> None:
    """Print how many labels are clean, misplaced, box-in-box, background, or missed, as JSON.

    Example: `napari-alc compare-labels --truth clean.json --labels crowd.json`
    """
    of_truth, judged = read_coco(truth), read_coco(labels)
    tell([*of_truth.notes, *judged.notes])
    require_same_images(of_truth.label_set, truth, judged.label_set, labels)
    noise = noise_of(of_truth.label_set, judged.label_set)
    _print_json(noise.figures())


def add_noise(
    labels: Annotated[Path, typer.Option(help="Clean labels (COCO).")],
    output: Annotated[Path, typer.Option(help="The crowd-like labels to write (COCO).")],
    background: Annotated[float, _rate("Boxes added on background")] = USUAL.background,
    miss: Annotated[float, _rate("Boxes left out")] = USUAL.miss,
    location: Annotated[float, _rate("Boxes misplaced (IoU 0.3–0.6)")] = USUAL.location,
    box_in_box: Annotated[
        float, _rate("Boxes lost in groups of 2–3 under one box")
    ] = USUAL.box_in_box,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same labels.")] = 0,
    log: Annotated[
        Path | None, typer.Option(help="Also write what was done to each box (JSON).")
    ] = None,
) -> None:
    """Spoil clean labels as a crowd would: added, missed, misplaced and merged boxes.

    Example: `napari-alc add-noise --labels clean.json --output crowd.json --seed 1 --log log.json`
    """
    rates = _rates(background, miss, location, box_in_box)
    refuse_overwriting([output] if log is None else [output, log], [labels])
    clean = read_coco(labels)
    tell(clean.notes)
    noisy = spoiled(clean.label_set, rates, seed)
    settings = {**asdict(rates), "seed": seed}
    if log is not None:
        write_noise_log(log, settings, noisy.log)
    write_coco(output, noisy.label_set)


def _rates(background: float, miss: float, location: float, box_in_box: float) -> NoiseRates:
    try:
        return NoiseRates(background, miss, location, box_in_box)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from error


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Labels to read.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="File or folder to write.")],
    images: Annotated[
        Path | None, typer.Option(help="Image folder; needed to read YOLO, else checked.")
    ] = None,
    to: Annotated[
        Kind | None, typer.Option(help="Format of OUT; COCO if its name ends in .json.")
    ] = None,
    subset: Annotated[
        Path | None, typer.Option(help="Text file of the images to keep, one name a line.")
    ] = None,
) -> None:
    """Convert labels between COCO (.json), Pascal VOC (folder of .xml) and YOLO (folder of .txt).

    Example: napari-alc convert Annotations crowd.json --subset ImageSets/Main/train.txt
    """
    kind = to or _kind_of(target)
    if source.resolve() == target.resolve():
        raise BadData(target, "is read and written at once", "Choose another place to write to")
    reading = read_labels(source, images, read_stems(subset) if subset is not None else None)
    label_set = reading.label_set
    write_labels(target, label_set, kind)
    for note in reading.notes:
        typer.echo(note, err=True)
    if kind == "voc":
        _tell_lost_categories(label_set)
    typer.echo(
        f"{target}: {len(label_set.labels)} boxes on {len(label_set.images)} images.", err=True
    )


def _kind_of(target: Path) -> Kind:
    if target.suffix.lower() == ".json":
        return "coco"
    raise typer.BadParameter(f"{target} does not tell the format: add --to coco, voc or yolo.")


def _tell_lost_categories(label_set: LabelSet) -> None:
    used = set(label_set.labels.category_ids.tolist())
    for category in label_set.categories:
        if category.id not in used:
            typer.echo(f"Category '{category.name}' has no box; VOC cannot hold it.", err=True)

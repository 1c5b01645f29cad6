"""What is known of any project, finished or not, for its report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from napari_alc.cleaning.loop import relabelled
from napari_alc.errors import BadData
from napari_alc.evaluation.label_noise import compare_labels
from napari_alc.labels import LabelSet
from napari_alc.project.annotation.remarks import flagged_images, remarked_boxes
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.annotation.time_spent import time_record
from napari_alc.project.label_sets import (
    CleanLabels,
    clean_labels,
    images_of_step1,
    judged,
    pathologist_labels,
    remaining_images,
    unsure_labels,
)
from napari_alc.project.project import MODELS, Project
from napari_alc.project.readers.agreement import agreement
from napari_alc.project.reporting.report_tables import Record, Table, budget_record, detector_record
from napari_alc.project.status import Status, Step, is_corrected, run_of, status
from napari_alc.project.steps.audit import Audit, Share
from napari_alc.project.steps.audit import result as audit_result
from napari_alc.project.steps.forecast import (
    Forecast,
    Scenario,
    budget,
    forecast,
    recommendation,
    surprise,
)
from napari_alc.project.steps.grounds import grounds
from napari_alc.project.steps.pasting_trials import said_of
from napari_alc.project.steps.predict import detections_of
from napari_alc.project.storage.records import ReviewStep, RunRecord
from napari_alc.wording import UNKNOWN

REPORT_FILE = "report.json"
"""What a simulation measured, in the exports' folder."""

BY_TRUTH = "Judged by the true labels that the report was given."

BY_CLEAN = (
    "No true labels were given: the crowd's labels are judged by the clean ones, so this is the "
    "noise that was found. What neither the detectors nor a pathologist has seen is not in it."
)


ORIGINS = {"first drawn by": "source", "region": "region", "decided": "decision"}
"""Fields of `Origin` in words."""


@dataclass(frozen=True)
class Findings:
    """What a report shows: figures as `sections` takes them, and all labels settled so far.

    Those of the crowd are without what somebody is unsure about.
    """

    record: Record
    crowd: LabelSet
    clean: LabelSet


@dataclass(frozen=True)
class _Reference:
    """Images with clean labels that the models' stored detections are measured on."""

    truth: LabelSet
    name: str
    words: str


def findings(project: Project, truth: LabelSet | None = None) -> Findings:
    """Everything that is known of a project; true labels, where there are any, have its ids."""
    found = status(project)
    clean = clean_labels(project) if found.next_step is Step.EXPORT else None
    settled = _settled(project, found) if clean is None else clean.label_set
    crowd = project.crowd_labels().of_images(image.id for image in settled.images)
    known = crowd.with_labels(judged(crowd.labels, unsure_labels(project, queue(project))))
    simulated = _simulated(project, found)
    size, estimated = _clean_size(project, truth, clean, settled)
    yardstick = _yardstick(project, truth, found)
    remarks, flagged = remarked_boxes(project), flagged_images(project)
    record: dict[str, Any] = {
        "title": f"Active label cleaning: {project.folder.name}",
        "state": {"sentence": found.sentence, "figures": _figures(found, settled, crowd)},
        "settings": project.settings.in_force,
        "iterations": [
            _iteration(project, i, size, yardstick, truth) for i in range(found.iteration + 1)
        ],
        "measured_on": yardstick.words if yardstick else "",
        "labels": _labels(
            truth, settled, known if truth is None else crowd, is_whole=clean is not None
        ),
        "judged_by": _judged_by(truth, clean, settled),
        "caveat": grounds(project).caveat if truth is None and clean is not None else "",
        "budget": budget_record(budget(project, size)),
        "size_estimated": estimated,
        "time": time_record(project),
        "detectors": {},
        "remarks": [row.record() for row in remarks.rows],
        "flags": [flag for image in flagged for flag in image.records()],
        "agreement": [pair.record() for pair in agreement(project)],
        "origins": {w: clean.counts(name) for w, name in ORIGINS.items()} if clean else {},
        "further": outlook(project),
    }
    record |= simulated
    record["state"]["summary"] = _summary(record)
    record["missing"] = _missing(record, found)
    return Findings(record, known, settled)


def _settled(project: Project, found: Status) -> LabelSet:
    """The pathologists' labels of the whole images that they have finished."""
    done = {task.image_id for task in queue(project, ReviewStep.WHOLE_IMAGE) if task.is_done}
    return pathologist_labels(project, found.iteration).of_images(done)


def _figures(found: Status, settled: LabelSet, crowd: LabelSet) -> dict[str, object]:
    return {
        "images": f"{found.images:,}",
        "iteration": found.iteration,
        "images for pathologists, whole": f"{found.in_step1:,}",
        "images finished by people": f"{found.done:,}",
        "images that wait for a person": f"{found.waiting:,}",
        "images left out of the dataset": f"{found.excluded:,}",
        "boxes that somebody is unsure about": f"{found.unsure:,}",
        "images whose labels are settled": f"{len(settled.images):,}",
        "clean labels on them": f"{len(settled.labels):,}",
        "boxes of the crowd on them": f"{len(crowd.labels):,}",
    }


def _summary(record: Mapping[str, Any]) -> list[str]:
    """What came out, in a sentence on the crowd's labels and one on the cost."""
    noise = record["labels"].get("crowd")
    told = []
    if noise:
        boxes = sum(noise[name] for name in ("clean", "location", "box_in_box", "background"))
        told.append(
            f"Of {boxes:,} boxes of the crowd {noise['clean']:,} were right; "
            f"{noise['background']:,} held no object, {noise['location']:,} had the wrong place, "
            f"size or kind, {noise['box_in_box']:,} held several objects; {noise['miss']:,} "
            f"objects had been missed{_bracketed(record['caveat'])}."
        )
    told.append(
        f"So far this has cost {record['budget']['total']:.1f} % of what it costs to have "
        "pathologists label everything."
    )
    return told


def _bracketed(words: str) -> str:
    return f" ({words})" if words else ""


def _simulated(project: Project, found: Status) -> dict[str, Any]:
    """What a simulation measured with its truth and its test images, where it is of now."""
    if found.next_step is not Step.EXPORT:
        return {}
    try:
        text = (project.exports_folder / REPORT_FILE).read_text(encoding="utf-8")
        record = dict(json.loads(text))
        fits = len(record["iterations"]) == found.iteration + 1
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    if not fits:
        return {}
    words = "on the test images of the simulation"
    judged = "Judged by the true labels that the simulation was given."
    names = ("iterations", "labels", "budget", "detectors")
    known = {name: record[name] for name in names if name in record}
    return {**known, "measured_on": words, "judged_by": judged, "caveat": "", "size_estimated": ""}


def _clean_size(
    project: Project, truth: LabelSet | None, clean: CleanLabels | None, settled: LabelSet
) -> tuple[int, str]:
    """Boxes of the clean dataset, and in words how they were estimated, if they were."""
    if truth is not None and len(truth.labels):
        return len(truth.labels), ""
    if clean is not None:
        return max(len(clean.origins), 1), ""
    if settled.images and len(settled.labels):
        a_image = len(settled.labels) / len(settled.images)
        words = (
            "The budget is an estimate: the clean dataset is taken to have as many boxes an image "
            f"as the {len(settled.images):,} images that pathologists have finished."
        )
        return round(a_image * len(project.images())), words
    words = "The budget is an estimate: the clean dataset is taken to be as large as the crowd's."
    return max(len(project.crowd_labels().labels), 1), words


def _yardstick(project: Project, truth: LabelSet | None, found: Status) -> _Reference | None:
    """Validation images where there are any, else images that no model has learned from."""
    validation = project.validation_labels()
    if len(validation.labels):
        words = f"on the {len(validation.images):,} validation images"
        return _Reference(validation, "validation", words)
    if truth is None:
        return None
    rest = truth.of_images(image.id for image in remaining_images(project, found.iteration))
    if not len(rest.labels):
        return None
    words = f"on the {len(rest.images):,} images that no pathologist has labelled whole"
    return _Reference(rest, "remaining", words)


def _iteration(
    project: Project,
    iteration: int,
    size: int,
    yardstick: _Reference | None,
    truth: LabelSet | None,
) -> Record:
    runs = {model: run_of(project, iteration, model) for model in MODELS}
    seen = images_of_step1(project, iteration)
    tau = None if runs["mp"] is None else runs["mp"].threshold
    return {
        "iteration": iteration,
        "images": len(seen),
        "boxes": {m: UNKNOWN if run is None else run.boxes for m, run in runs.items()},
        "tau": tau,
        "models": {
            model: _measured(project, iteration, model, yardstick)
            if run is not None and run.predicted_at is not None
            else None
            for model, run in runs.items()
        },
        "labels": None if truth is None else _mixed(project, iteration, truth),
        "budget": budget_record(budget(project, size, iteration)),
        **_pasting(runs),
    }


def _pasting(runs: Mapping[str, RunRecord | None]) -> Record:
    """What trials decided on pasting, in words by model; nothing where there were none."""
    said = {model: words for model, run in runs.items() if (words := said_of(run))}
    return {"pasting": said} if said else {}


def _measured(
    project: Project, iteration: int, model: str, yardstick: _Reference | None
) -> Record | None:
    """AP50 and TIDE of a model; None where its detections were thrown away."""
    if yardstick is None:
        return None
    ids = yardstick.truth.image_ids.tolist()
    try:
        seen = detections_of(project, iteration, model, ids, yardstick.name)
    except BadData:
        return None
    return detector_record(yardstick.truth, seen)


def _mixed(project: Project, iteration: int, truth: LabelSet) -> Record:
    """Noise of the pathologists' labels of X^i together with the crowd's of the rest."""
    mixed = relabelled(project.crowd_labels(), pathologist_labels(project, iteration))
    return compare_labels(truth, mixed).figures()


def _labels(
    truth: LabelSet | None, settled: LabelSet, crowd: LabelSet, is_whole: bool
) -> dict[str, Record]:
    if not settled.images:
        return {}
    if truth is None:
        return {"crowd": compare_labels(settled, crowd).figures()}
    there = truth if is_whole else truth.of_images(image.id for image in settled.images)
    return {
        "crowd": compare_labels(there, crowd).figures(),
        "clean": compare_labels(there, settled).figures(),
    }


def _judged_by(truth: LabelSet | None, clean: CleanLabels | None, settled: LabelSet) -> str:
    words = BY_CLEAN if truth is None else BY_TRUTH
    if clean is None:
        words += f" Only the {len(settled.images):,} images that are settled so far count."
    return words


def _missing(record: Mapping[str, Any], found: Status) -> Sequence[str]:
    """What the report cannot show, and why, a sentence each."""
    measured = any(m for one in record["iterations"] for m in one["models"].values())
    absent = {
        "AP50 and TIDE: there are neither clean validation images nor true labels, or the "
        "detectors have not looked at them yet.": not measured,
        "The noise of the labels: no image is settled yet.": not record["labels"],
        "The clean dataset: review and correction are not finished.": (
            found.next_step is not Step.EXPORT
        ),
        "Noise that is left in the clean labels: not known without true labels.": (
            bool(record["labels"]) and "clean" not in record["labels"]
        ),
        "Time: no review was timed.": not record["time"],
        "Agreement: no image was read by two readers.": not record["agreement"],
    }
    return [words for words, is_absent in absent.items() if is_absent]


KINDS = {
    "background": "boxes of the crowd with no object in them",
    "location": "boxes of the crowd in the wrong place, or of the wrong size or kind",
    "box_in_box": "boxes of the crowd around several objects",
    "miss": "objects that the crowd has missed",
}

LEFT = {
    "background": "labels with no object in them",
    "location": "labels in the wrong place, or of the wrong size or kind",
    "box_in_box": "labels around several objects",
    "miss": "objects without a label that nobody is shown",
}
"""What the automatic correction leaves."""

Blocks = list[str | Table]


def outlook(project: Project) -> dict[str, Blocks]:
    """Paragraphs and tables by their heading; nothing where nothing was found."""
    found: dict[str, Blocks] = {}
    audit = audit_result(project)
    if audit is not None and audit.noise:
        found["Audit of images drawn by chance"] = _audit(audit)
    if not is_corrected(project):
        found["Forecast"] = _forecast(forecast(project), recommendation(project))
    return found


def _audit(audit: Audit) -> Blocks:
    words = (
        f"{audit.images:,} images were drawn by chance from those that only the crowd has labelled "
        f"(after iteration {audit.iteration}). The interval tells where the share of all these "
        "images lies with 95 % confidence (Wilson, with the effective size of the sample: boxes of "
        "one image err together)."
    )
    blocks: Blocks = [words, _shares("noise of the crowd's labels", KINDS, audit.noise)]
    if audit.corrected:
        blocks += [LEFT_WORDS, _shares("noise after the correction", LEFT, audit.corrected)]
    return blocks


LEFT_WORDS = (
    "Had these images been corrected automatically instead, with the models of that iteration, and "
    "their red and green boxes gone to a pathologist, this would be left:"
)


def _shares(head: str, names: Mapping[str, str], noise: Mapping[str, Share]) -> Table:
    rows = tuple(
        (names[kind], f"{share.count:,} of {share.of:,}", *_percentages(share))
        for kind, share in noise.items()
    )
    return Table((head, "found", "share", "95 % interval"), rows)


def _percentages(share: Share) -> tuple[str, str]:
    if not share.of:
        return UNKNOWN, UNKNOWN
    return (
        f"{100 * share.count / share.of:.1f} %",
        f"{100 * share.low:.1f}–{100 * share.high:.1f} %",
    )


def _forecast(found: Forecast, advice: str) -> Blocks:
    ways = {"with all iterations": found.to_the_end, "without another one": found.stop_now}
    rows = tuple((name, *_cells(way)) for name, way in ways.items() if way is not None)
    head = ("to the end", "images to review", "boxes", "budget at the end %", "minutes more")
    why = surprise(found)
    return [advice, *([Table(head, rows)] if rows else []), *([why] if why else [])]


def _cells(way: Scenario) -> tuple[str, str, str, str]:
    minutes = UNKNOWN if way.minutes is None else f"{way.minutes:.0f}"
    return f"{way.images:,}", f"{way.boxes:,}", f"{way.budget:.1f}", minutes

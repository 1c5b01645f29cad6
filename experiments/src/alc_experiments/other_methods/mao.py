"""Mao et al. (2021): noisy boxes are rewritten by the detector that is trained on them.

Certain is the idea (Mao, Yu, Yamakata, Aizawa, "Noisy Annotation Refinement for Object Detection",
2021, arXiv 2110.10456): a detector that is trained on noisy annotations corrects them by its own
predictions, and is trained on the corrected ones.

Our reading, for no code was published, and of boxes alone: the first third of the training only
learns. From then on the detector looks at its training images after each epoch; of a labelled box
g, the prediction p of the same category with the highest IoU (score s >= 0.5, IoU >= 0.3) speaks.
Where IoU(g, p) < 0.7 in two consecutive epochs whose predictions agree (IoU >= 0.7), g becomes
s·p + (1 − s)·g with the later p and s. Nothing is added or deleted. In the last quarter the boxes
stay as they are. Where a training has fewer than `LEAST_EPOCHS` epochs, a share of as many of its
iterations takes the place of an epoch: else nothing would ever be seen twice.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alc_experiments.experiment import Experiment
from napari_alc.boxes import Boxes, Floats, Integers, as_boxes, close_pairs, ious
from napari_alc.files import write_text
from napari_alc.labels import Detections, Labels, LabelSet, box_sets, numbered

if TYPE_CHECKING:
    from torch import nn

    from napari_alc.detection.training.run import Run

WARM_UP, FROZEN = 1 / 3, 3 / 4
"""Shares of the iterations between which boxes are rewritten."""
LEAST_EPOCHS = 12
LEAST_SCORE, LEAST_IOU = 0.5, 0.3
"""What a prediction needs in order to speak of a labelled box."""
SAME = 0.7
"""IoU from which two boxes are taken for the same."""
CORRECTED = "corrected_boxes.json"


@dataclass(frozen=True, eq=False)
class Objections:
    """Predictions that place an object elsewhere than its label does.

    Parameters
    ----------
    boxes
        Shape (N, 4), one for each labelled box, in pixels.
    scores
        Shape (N,), in 0–1; 0 where nothing objects.
    """

    boxes: Boxes
    scores: Floats

    @classmethod
    def none(cls, count: int) -> Objections:
        """Nothing against any of `count` boxes."""
        return cls(np.zeros((count, 4)), np.zeros(count))


def objections(labels: Labels, found: Detections) -> Objections:
    """What predictions say against labelled boxes.

    Parameters
    ----------
    labels
        The labelled boxes.
    found
        Predictions in the same images.
    """
    sure = found.at_least(LEAST_SCORE)
    i, j, iou = _near(labels, sure)
    order = np.lexsort((sure.scores[j], iou, i))
    is_best = np.append(i[order][1:] != i[order][:-1], True)[: len(i)]
    best = order[is_best]
    best = best[iou[best] < SAME]
    result = Objections.none(len(labels))
    result.boxes[i[best]] = sure.boxes[j[best]]
    result.scores[i[best]] = sure.scores[j[best]]
    return result


def _near(labels: Labels, sure: Detections) -> tuple[Integers, Integers, Floats]:
    """Pairs of a label and a prediction that speaks of it, and their IoU."""
    labelled, predicted = box_sets(labels, sure)
    first, second = close_pairs(labelled, predicted, lambda p, q: ious(p, q) >= LEAST_IOU)
    return first, second, ious(labels.boxes[first], sure.boxes[second])


def rewritten(boxes: Boxes, earlier: Objections, now: Objections) -> Boxes:
    """The boxes after an epoch: s·p + (1 − s)·g where two epochs object and agree.

    Parameters
    ----------
    boxes
        Labelled boxes g, shape (N, 4).
    earlier, now
        Of this epoch and the one before it.

    Returns
    -------
    Boxes
        Shape (N, 4).
    """
    both = (earlier.scores > 0) & (now.scores > 0)
    moves = both & (ious(earlier.boxes, now.boxes) >= SAME)
    s = np.where(moves, now.scores, 0.0)[:, None]
    return np.asarray(np.where(moves[:, None], s * now.boxes + (1 - s) * boxes, boxes))


def looking_times(total: int, epoch: float) -> list[int]:
    """Iterations, ascending, before which the detector looks at its training images.

    Parameters
    ----------
    total
        Iterations of the training.
    epoch
        Iterations in which every image comes once.
    """
    every = min(epoch, total / LEAST_EPOCHS)
    ends = {math.ceil(number * every) for number in range(1, math.ceil(total / every))}
    return sorted(end for end in ends if WARM_UP * total <= end <= FROZEN * total)


class Mao:
    """A training that moves its boxes; see `napari_alc.detection.training.run`.

    Leaves `CORRECTED` beside the weights: the boxes of all images, one after another.
    """

    name = "mao"

    def __init__(self) -> None:
        self._labels: Labels | None = None
        self._boxes: Boxes | None = None
        self._earlier: Objections | None = None

    def prepare(self, network: nn.Module) -> None:
        """Nothing: the network is a plain one."""

    def before_iteration(self, run: Run) -> None:
        """Look and rewrite when an epoch is over."""
        images = run.batches.images
        if self._labels is None:
            self._labels = _labels_of(images)
            if self._boxes is None:
                self._boxes = self._labels.boxes
            self._hand_over(run)
        times = looking_times(run.total, len(images) / run.settings.images_a_batch)
        if run.iteration in times:
            self._look(run)
        run.boxes_until = next((time for time in times if time > run.iteration), None)

    def _look(self, run: Run) -> None:
        assert self._labels is not None and self._boxes is not None
        labels = replace(self._labels, boxes=self._boxes)
        now = objections(labels, _predicted(run))
        self._boxes = rewritten(self._boxes, self._earlier or Objections.none(len(labels)), now)
        self._earlier = now
        self._hand_over(run)

    def _hand_over(self, run: Run) -> None:
        assert self._boxes is not None
        ends = np.cumsum([len(image.boxes) for image in run.batches.images])
        parts = np.split(self._boxes, ends[:-1])
        run.batches.images = [
            replace(image, boxes=boxes)
            for image, boxes in zip(run.batches.images, parts, strict=True)
        ]

    def state(self) -> Mapping[str, object]:
        """The boxes as they are, and what was said against them last."""
        return {
            "boxes": _listed(self._boxes),
            "earlier_boxes": _listed(self._earlier.boxes if self._earlier else None),
            "earlier_scores": _listed(self._earlier.scores if self._earlier else None),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        if state["boxes"] is not None:
            self._boxes = as_boxes(state["boxes"])
        if state["earlier_boxes"] is not None:
            scores = np.array(state["earlier_scores"], dtype=np.float64)
            self._earlier = Objections(as_boxes(state["earlier_boxes"]), scores)

    def finish(self, _network: nn.Module, folder: Path) -> None:
        """Write the boxes as they have become."""
        write_text(folder / CORRECTED, json.dumps(_listed(self._boxes)) + "\n")


def _listed(values: Floats | None) -> list[Any] | None:
    return None if values is None else values.tolist()


def _labels_of(images: Sequence[Any]) -> Labels:
    """The boxes of training images; an image's id is its position."""
    counts = [len(image.boxes) for image in images]
    return numbered(
        np.repeat(np.arange(len(images)), counts).tolist(),
        np.concatenate([image.category_ids for image in images]).tolist(),
        np.concatenate([image.boxes for image in images]),
    )


def _predicted(run: Run) -> Detections:
    """What the network sees in its training images; it goes on as if it had not been asked."""
    from napari_alc.detection.inference.prediction import detect

    asked = [(number, image.path) for number, image in enumerate(run.batches.images)]
    network = run.detector.network.eval()
    try:
        found = detect(run.detector, asked, run.precision.device, cache=run.batches.scaled.cache)
        return Detections.empty().joined(*found)
    finally:
        network.train()


def mao_labels(experiment: Experiment, labels: LabelSet) -> LabelSet:
    """`labels` with their boxes where a training by `Mao` has moved them, in the same order.

    Parameters
    ----------
    experiment
        Trains; what it has trained before is taken.
    labels
        Of images of its data.
    """
    model = experiment.train(labels, "Mao", make_variant=Mao)
    moved = as_boxes(json.loads((model.folder / CORRECTED).read_text(encoding="utf-8")))
    ids = labels.labels.image_ids
    rows = [np.flatnonzero(ids == image.id) for image in labels.images]
    boxes = labels.labels.boxes.copy()
    boxes[np.concatenate(rows)] = moved
    return labels.with_labels(replace(labels.labels, boxes=boxes))

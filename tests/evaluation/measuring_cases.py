"""Small label sets and detections to measure."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from napari_alc.labels import Category, Detections, ImageRecord, LabelSet, numbered

SIZE = 200
CATEGORIES = (Category(3, "deposit"), Category(7, "vesicle"))


def label_set(rows, images=(1, 2, 3), categories=CATEGORIES):
    """Labels from rows (image id, category id, x1, y1, x2, y2)."""
    table = np.array(rows, dtype=float).reshape(-1, 6)
    records = tuple(ImageRecord(i, f"{i}.png", SIZE, SIZE) for i in images)
    labels = numbered(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2:])
    return LabelSet(records, categories, labels)


def detections(rows):
    """Detections from rows (image id, category id, x1, y1, x2, y2, score)."""
    table = np.array(rows, dtype=float).reshape(-1, 7)
    return Detections(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2:6], table[:, 6])


def as_detections(truth, scores):
    labels = truth.labels
    return Detections(labels.image_ids, labels.category_ids, labels.boxes, scores)


@st.composite
def rows(draw, most=12):
    """Boxes of whole pixels, some of them close to each other."""
    count = draw(st.integers(0, most))
    found = []
    for _ in range(count):
        x, y = draw(st.integers(0, 120)), draw(st.integers(0, 120))
        width, height = draw(st.integers(5, 70)), draw(st.integers(5, 70))
        image, category = draw(st.sampled_from([1, 2])), draw(st.sampled_from([3, 7]))
        found.append((image, category, x, y, x + width, y + height))
    return found


@st.composite
def scored_rows(draw, most=12):
    """Detections whose scores differ."""
    boxes = draw(rows(most))
    ranks = draw(st.permutations(range(len(boxes))))
    return [(*box, (rank + 1) / (most + 1)) for box, rank in zip(boxes, ranks, strict=True)]

"""Clean label sets to spoil or to review."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from napari_alc.labels import Category, ImageRecord, Labels, LabelSet, numbered

CATEGORIES = (Category(2, "cell"), Category(5, "platelet"))


def clean_labels(images=20, per_image=12, seed=0, width=640, height=480):
    """Random boxes of 20–70 pixels, of two categories."""
    rng = np.random.default_rng(seed)
    count = images * per_image
    size = rng.uniform(20, 70, (count, 2))
    corner = rng.random((count, 2)) * (np.array([width, height]) - size)
    boxes = np.concatenate([corner, corner + size], axis=1)
    records = tuple(ImageRecord(10 + i, f"{i}.png", width, height) for i in range(images))
    image_ids = np.repeat([record.id for record in records], per_image)
    return LabelSet(records, CATEGORIES, numbered(image_ids, rng.choice([2, 5], count), boxes))


label_sets = st.builds(
    clean_labels,
    images=st.integers(1, 4),
    per_image=st.integers(0, 10),
    seed=st.integers(0, 1000),
    width=st.integers(80, 400),
    height=st.integers(80, 400),
)


def labels(rows):
    """Labels from rows (image id, category id, x1, y1, x2, y2)."""
    table = np.array(rows, dtype=float).reshape(-1, 6)
    ids = np.arange(len(table)) + 1
    return Labels(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2:], ids)

"""Random crowd labels and detections on a coarse grid, full of duplicates and exact thresholds."""

import numpy as np
from hypothesis import strategies as st

from napari_alc.cleaning.regions import Thresholds
from napari_alc.labels import Detections, Labels

BOX = st.tuples(*[st.integers(0, 6)] * 2, *[st.integers(1, 4)] * 2).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)
ROW = st.tuples(st.sampled_from([3, 1, 20]), st.sampled_from([1, 2]), BOX)
SCORE = st.sampled_from([0.05, 0.25, 0.49, 0.5, 0.51, 0.75, 1.0])
FRACTION = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
THRESHOLDS = st.builds(
    Thresholds, iou=FRACTION, gamma=FRACTION, score=FRACTION, green_score_from_all=st.booleans()
)


def as_labels(rows):
    columns = list(zip(*rows, strict=True)) or [[], [], []]
    return Labels(*columns, np.arange(len(rows)) + 100)


def as_detections(rows):
    columns = list(zip(*[(*row, score) for row, score in rows], strict=True)) or [[]] * 4
    return Detections(*columns)


LABELS = st.lists(ROW, max_size=8).map(as_labels)
DETECTIONS = st.lists(st.tuples(ROW, SCORE), max_size=8).map(as_detections)

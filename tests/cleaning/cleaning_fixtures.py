"""Reads the reference cases without the program's own readers, so that the core is tested alone."""

import json
from pathlib import Path

import numpy as np

from napari_alc.boxes import xywh_to_xyxy
from napari_alc.labels import Detections, Labels

FIXTURES = Path(__file__).parent / "fixtures"
CASES = ("case1", "case2", "case3")


def load(case, name):
    return json.loads((FIXTURES / case / f"{name}.json").read_text())


def columns(records):
    return (
        np.array([r["image_id"] for r in records], dtype=np.int64),
        np.array([r["category_id"] for r in records], dtype=np.int64),
        xywh_to_xyxy([r["bbox"] for r in records]),
    )


def labels(case, name):
    records = load(case, name)["annotations"]
    return Labels(*columns(records), [r["id"] for r in records])


def detections(case, name):
    records = load(case, name)
    return Detections(*columns(records), [r["score"] for r in records])

"""The file that tells of every box what was done to it when clean labels were spoiled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import orjson

from napari_alc.boxes import as_boxes
from napari_alc.files import write_text
from napari_alc.formats.coco import bbox_lists
from napari_alc.simulation.crowd import NoiseRecord


def write_noise_log(
    path: Path, settings: Mapping[str, float], records: Sequence[NoiseRecord]
) -> None:
    """Write settings, counts by kind of noise, and one record a box (JSON, boxes as xywh)."""
    counts = Counter(record.what for record in records)
    written = {
        "settings": dict(settings),
        "counts": dict(sorted(counts.items())),
        "boxes": [_as_json(record) for record in records],
    }
    write_text(path, orjson.dumps(written, option=orjson.OPT_INDENT_2).decode() + "\n")


def _as_json(record: NoiseRecord) -> dict[str, object]:
    values = asdict(record)
    box = values.pop("box")
    return {**values, "bbox": None if box is None else bbox_lists(as_boxes(box))[0]}

"""The sizes of both detectors of an iteration, chosen once from the pathologists' labels D_p.

So Mp and Ma see the images alike and differ in their labels only. The plan is kept in
``runs/<i>/plan.json``, where it can be seen, and holds as long as the labels and settings that
it was made from; whichever model is trained first writes it.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import BadData
from napari_alc.files import write_text
from napari_alc.labels import LabelSet

if TYPE_CHECKING:
    from napari_alc.detection.plan import Plan

PLAN_FILE = "plan.json"


def shared_plan(clean: LabelSet, settings: DetectorSettings, folder: Path) -> Plan:
    """The plan for detectors that learn from `clean`, made where `folder` holds none for it.

    Parameters
    ----------
    clean
        D_p; at least one of its boxes has an area.
    folder
        Of the iteration's runs.

    Raises
    ------
    BadData
        When the folder cannot be written.
    """
    from napari_alc.detection.plan import plan_for

    made_from = _digest(clean, settings)
    path = folder / PLAN_FILE
    kept = _kept(path, made_from)
    if kept is not None:
        return kept
    plan = plan_for(clean, settings)
    content = {"made_from": made_from, "plan": plan.to_json()}
    try:
        write_text(path, json.dumps(content, indent=1) + "\n")
    except BadData:
        # Windows refuses to replace a file that the training of the other model has open.
        if _kept(path, made_from) is None:
            raise
    return plan


def _digest(clean: LabelSet, settings: DetectorSettings) -> str:
    digest = blake2b(json.dumps(settings.model_dump(), sort_keys=True).encode(), digest_size=16)
    for image in clean.images:
        digest.update(f"{image.id} {image.width} {image.height}\0".encode())
    digest.update(clean.labels.image_ids.tobytes())
    digest.update(clean.labels.boxes.tobytes())
    return digest.hexdigest()


def _kept(path: Path, made_from: str) -> Plan | None:
    """The plan in a file; None where it is of other labels, or cannot be used."""
    from napari_alc.detection.plan import Plan

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Plan.from_json(content["plan"]) if content["made_from"] == made_from else None
    except (OSError, ValueError, TypeError, KeyError):
        return None

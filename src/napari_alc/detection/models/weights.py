"""The file of a trained detector: its tensors and all that is needed to run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from napari_alc.detection.models.presets import build_network
from napari_alc.detection.models.tensor_files import read_tensors, write_tensors
from napari_alc.detection.plan import Plan
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import AlcError, BadData
from napari_alc.labels import Category

FORMAT = "napari-alc detector"
VERSION = 1


@dataclass(frozen=True)
class Detector:
    """A trained network with what it was made from.

    Parameters
    ----------
    network
        A torchvision detector; its label i stands for ``categories[i - 1]``.
    settings, plan, categories
        What it was trained with.
    """

    network: nn.Module
    settings: DetectorSettings
    plan: Plan
    categories: tuple[Category, ...]


def save_detector(path: Path, detector: Detector, fingerprint: str) -> None:
    """Write `detector`; `fingerprint` names the training that it came from."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        "fingerprint": fingerprint,
        "settings": detector.settings.model_dump(),
        "plan": detector.plan.to_json(),
        "categories": [[category.id, category.name] for category in detector.categories],
        "model": detector.network.state_dict(),
    }
    write_tensors(path, content)


def _read_content(path: Path) -> dict[str, object]:
    content = read_tensors(path)
    if content.get("format") != FORMAT:
        raise BadData(path, "was not made by this program", "Train a detector first")
    if content.get("version") != VERSION:
        raise BadData(path, "was made by another version of this program", "Train again")
    return content


def saved_fingerprint(path: Path) -> str | None:
    """The fingerprint in a weights file; None where there is none that can be used."""
    try:
        return str(_read_content(path)["fingerprint"])
    except (BadData, KeyError):
        return None


def load_detector(path: Path) -> Detector:
    """Read a weights file that `save_detector` wrote.

    Raises
    ------
    BadData
        When the file is absent, damaged, foreign, or of another version.
    """
    content = _read_content(path)
    try:
        return _assemble(content)
    except (AlcError, KeyError, TypeError, ValueError, AttributeError, RuntimeError):
        raise BadData(path, "lacks a part of the detector", "Train again") from None


def _assemble(content: Mapping[str, Any]) -> Detector:
    settings = DetectorSettings.parse(content["settings"])
    plan = Plan.from_json(content["plan"])
    categories = tuple(Category(int(i), str(name)) for i, name in content["categories"])
    # All tensors come from the file; nothing has to be downloaded for a trained detector.
    network = build_network(settings, plan, len(categories), weights="none")
    _fill(network, content["model"])
    return Detector(network, settings, plan, categories)


def _fill(network: nn.Module, state: Mapping[str, Any]) -> None:
    missing, unexpected = network.load_state_dict(state, strict=False)
    # A frozen BatchNorm, trained from ImageNet, does not count its batches.
    lacking = [name for name in missing if not name.endswith("num_batches_tracked")]
    # Loaded without `strict`, so what does not fit must be named here.
    if lacking or unexpected:
        raise ValueError(f"tensors differ: {(lacking + list(unexpected))[:3]}")


def categories_by_label(categories: Sequence[Category]) -> dict[int, int]:
    """The network's label (1 and up) of each category id."""
    return {category.id: label for label, category in enumerate(categories, start=1)}

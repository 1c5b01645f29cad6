"""What a training and its predictions leave in their folder, by name; needs no torch."""

from __future__ import annotations

from pathlib import Path

WEIGHTS_FILE = "weights.pt"
"""The trained detector; there only when the training has ended."""

CHECKPOINT_FILE = "checkpoint.pt"
"""Where an interrupted training goes on; gone when it has ended."""

METRICS_FILE = "metrics.json"
"""What the training says about itself."""


def detections_folder(run: Path, images: str) -> Path:
    """Where the pieces of a prediction lie.

    Parameters
    ----------
    run
        Folder of the training.
    images
        Name of the set of images, such as ``"remaining"``.
    """
    return run / "detections" / images

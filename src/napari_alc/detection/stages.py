"""Detectors of one and of two stages: only the latter propose boxes and then judge them."""

from __future__ import annotations

from torchvision.models.detection.roi_heads import RoIHeads

from napari_alc.detection.weights import Detector
from napari_alc.errors import AlcError


def require_two_stages(detector: Detector, purpose: str) -> None:
    """Refuse a detector without proposals and ROI heads.

    Parameters
    ----------
    detector
        Any.
    purpose
        What the proposals or heads are needed for, such as ``"to judge given boxes"``.

    Raises
    ------
    AlcError
        Naming what can be taken instead.
    """
    if not isinstance(getattr(detector.network, "roi_heads", None), RoIHeads):
        raise AlcError(
            f"The detector {detector.settings.preset} has a single stage; {purpose} it takes two. "
            "Take the detector compact, resnet50 or another Faster R-CNN and train again."
        )

"""The images that a strategy measures, and with what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_alc.detection.cache import ImageCache


@dataclass(frozen=True)
class Pool:
    """Images to choose among, those chosen before, and the detector that learned from these.

    Parameters
    ----------
    weights
        Of Mp, a file that `napari_alc.detection.training.train` wrote.
    unlabelled, labelled
        Ids and files of X without X^i and of X^i.
    seed
        Of everything drawn: noise, holes, the first weights of a network.
    cache_folder
        The project's decoded images; None keeps none.
    """

    weights: Path
    unlabelled: Sequence[tuple[int, Path]]
    labelled: Sequence[tuple[int, Path]]
    seed: int
    cache_folder: Path | None = None

    @property
    def cache(self) -> ImageCache | None:
        """Images decoded and scaled earlier."""
        return ImageCache(self.cache_folder) if self.cache_folder else None

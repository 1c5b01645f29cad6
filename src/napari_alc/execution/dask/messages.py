"""What the submitting process and the workers of a cluster send each other.

The scheduler unpacks the tasks as well, so none of this may need torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from napari_alc.boxes import Boxes, Integers
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import BadData
from napari_alc.labels import Category, LabelSet

if TYPE_CHECKING:
    from napari_alc.detection.plan import Plan

TOPIC = "napari-alc"
"""Of the events that tasks send."""

CHECKPOINT = -1
"""Stands for the checkpoint where a task asks for files by their number."""


@dataclass(frozen=True)
class SharedFile:
    """A file of the submitting computer, by its full path there, which others may see too."""

    path: str
    name: str
    size: int

    @classmethod
    def of(cls, path: Path) -> Self:
        """The file at `path` on this computer.

        Raises
        ------
        BadData
            When it is not there.
        """
        try:
            return cls(str(path.absolute()), path.name, path.stat().st_size)
        except OSError as error:
            raise BadData(
                path, f"cannot be read ({error.strerror})", "Bring the file back"
            ) from error

    @property
    def is_here(self) -> bool:
        """Whether this computer has a file of this size under this path."""
        try:
            path = Path(self.path)
            return path.is_file() and path.stat().st_size == self.size
        except (OSError, ValueError):  # Another system's path may be no path here.
            return False


@dataclass(frozen=True)
class PredictRequest:
    """Some images, by their ids, for a trained detector to look at.

    `maker` is the fingerprint of the detector's file (`project.storage.prediction_files`).
    """

    weights: SharedFile
    maker: str
    images: tuple[tuple[int, SharedFile], ...]
    device: str

    @property
    def files(self) -> tuple[SharedFile, ...]:
        """All that a worker may ask for, by number."""
        return (self.weights, *(file for _, file in self.images))


@dataclass(frozen=True, eq=False)
class TrainRequest:
    """What `detection.training.training.train` takes for a `TrainingJob`.

    `boxes` and `category_ids` are those of each image: (N, 4) in pixels, and (N,), and `trusted`
    whether its objects may be pasted. The detector is measured meanwhile on the clean labels
    `truth`, whose images are the files `validation`.
    """

    images: tuple[SharedFile, ...]
    boxes: tuple[Boxes, ...]
    category_ids: tuple[Integers, ...]
    trusted: tuple[bool, ...]
    categories: tuple[Category, ...]
    settings: DetectorSettings
    plan: Plan | None
    step: str
    device: str
    truth: LabelSet | None = None
    validation: tuple[SharedFile, ...] = ()
    strategy: str = ""

    @property
    def files(self) -> tuple[SharedFile, ...]:
        """All that a worker may ask for, by number; its checkpoint is `CHECKPOINT`."""
        return (*self.images, *self.validation)


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    `files` are contents by name: the weights and the record, or the checkpoint of one that was
    stopped and has not finished.
    """

    files: Mapping[str, bytes]
    finished: bool

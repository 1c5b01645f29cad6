"""What a worker of a cluster does: one piece of a prediction, or one training.

A task is submitted with the names of its files only. When it runs, it uses every file that its
computer sees under the same path with the same size, and asks the submitting process for the
others. So it does not matter on which worker Dask starts it, or starts it again after another
one was lost: what that worker lacks, the newest checkpoint included, is asked for anew.

Asking and progress go through Dask's events, answers and the wish to stop through functions
that the submitting process runs in the worker beside the task (`deliver`, `ask_to_stop`,
`newest_checkpoint`). The scheduler keeps none of the files.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from napari_alc.detection.run_files import CHECKPOINT_FILE
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import BadData, Cancelled
from napari_alc.execution.dask.messages import (
    CHECKPOINT,
    TOPIC,
    PredictRequest,
    SharedFile,
    Trained,
    TrainRequest,
)
from napari_alc.files import write_bytes
from napari_alc.labels import Detections
from napari_alc.progress import Progress
from napari_alc.project.storage.prediction_files import fingerprint

if TYPE_CHECKING:
    from napari_alc.detection.data.samples import TrainingImage
    from napari_alc.detection.training.training import Measure


BYTES_AT_ONCE = 64 << 20
"""Asked for in one go; a larger file comes by itself."""

SECONDS_BETWEEN_REPORTS = 0.5

WAITING_SECONDS = 0.5
"""Seconds between two looks at whether a waiting task is still wanted."""

_computing = threading.Lock()
"""Torch has one random stream and one number of threads a process, so tasks take turns."""

_channels: dict[str, WorkerChannel] = {}
"""The tasks under way in this process."""

_stopping: set[str] = set()
"""Tasks that were asked to stop, perhaps before they began."""


class WorkerChannel:
    """How a task under way and the process that submitted it speak, under one `token` in both."""

    def __init__(self, token: str) -> None:
        from distributed import get_worker

        self.token = token
        self.checkpoint: Path | None = None
        self.received: SimpleQueue[list[bytes]] = SimpleQueue()
        self._worker: Any = get_worker()
        self._key = self._worker.get_current_task()
        self._reported: tuple[float, int] = (0.0, 0)
        self.threads = int(self._worker.state.nthreads)
        self.address = str(self._worker.address)
        self.folder = Path(self._worker.local_directory)

    def send(self, kind: str, **what: object) -> None:
        """Send a message."""
        message = {"token": self.token, "worker": self.address, "kind": kind, **what}
        self._worker.log_event(TOPIC, message)

    def fetch(self, files: Sequence[int]) -> list[bytes]:
        """The contents of some of the task's files, by their numbers.

        Raises
        ------
        Cancelled
            When nobody waits for the result any more.
        """
        self.send("wants", files=list(files))
        while True:
            try:
                return self.received.get(timeout=WAITING_SECONDS)
            except Empty:
                self.require_wanted()

    def report(self, progress: Progress) -> None:
        """Tell how far the task is, and whether there is a new checkpoint."""
        when, saved = self._reported
        newest = _time_of(self.checkpoint)
        is_news = newest != saved or "validation_AP50" in progress.values
        if is_news or progress.done == progress.total or time.monotonic() >= when:
            self._reported = time.monotonic() + SECONDS_BETWEEN_REPORTS, newest
            self.send("progress", **asdict(progress), checkpoint=newest != saved)

    def should_stop(self) -> bool:
        """Whether nobody waits for the result any more."""
        return self.token in _stopping or not self._is_awaited

    def require_wanted(self) -> None:
        """Raise `Cancelled` when nobody waits for the result any more."""
        if self.should_stop():
            raise Cancelled("The task")

    @property
    def _is_awaited(self) -> bool:
        """False where the submitting process, or the scheduler, has gone without a word."""
        task = self._worker.state.tasks.get(self._key)
        is_running = self._worker.status.name in ("running", "paused", "closing_gracefully")
        return is_running and task is not None and task.state != "cancelled"


def _time_of(file: Path | None) -> int:
    try:
        return file.stat().st_mtime_ns if file is not None else 0
    except OSError:
        return 0


@contextmanager
def _working(token: str) -> Iterator[tuple[WorkerChannel, Path]]:
    """A channel and an empty folder for as long as a task computes, which it does alone."""
    channel = WorkerChannel(token)
    _channels[token] = channel
    channel.send("began")
    try:
        while not _computing.acquire(timeout=WAITING_SECONDS):
            channel.require_wanted()
        try:
            with TemporaryDirectory(dir=channel.folder, ignore_cleanup_errors=True) as folder:
                yield channel, Path(folder)
        finally:
            _computing.release()
    finally:
        _channels.pop(token, None)


def deliver(token: str, contents: list[bytes]) -> None:
    """Hand a task what it has asked for."""
    channel = _channels.get(token)
    if channel is not None:
        channel.received.put(contents)


def ask_to_stop(tokens: Iterable[str]) -> None:
    """Let tasks end at their next iteration or batch."""
    _stopping.update(tokens)


def newest_checkpoint(token: str) -> bytes | None:
    """The checkpoint of a training under way here; None where there is none."""
    channel = _channels.get(token)
    if channel is None or channel.checkpoint is None:
        return None
    try:
        return channel.checkpoint.read_bytes()
    except OSError:  # The training has just ended and cleared it away.
        return None


def predict_images(token: str, request: PredictRequest) -> Detections:
    """What a detector sees in the images of `request`.

    Raises
    ------
    Cancelled
        When nobody waits for it any more.
    AlcError
        As `napari_alc.detection.inference.prediction.predict`; files are named as in the submitting
        process.
    """
    from napari_alc.detection.devices import cpu_threads
    from napari_alc.detection.inference.prediction import predict

    with _working(token) as (channel, folder), cpu_threads(channel.threads):
        weights = _weights(channel, request)
        files = request.files
        paths = _paths(channel, files, range(1, len(files)), folder)
        images = [
            (image_id, path) for (image_id, _), path in zip(request.images, paths, strict=True)
        ]
        with _named_as_sent(files[1:], paths):
            found = list(
                predict(weights, images, channel.report, channel.should_stop, request.device)
            )
        return Detections.empty().joined(*found)


def train_model(token: str, request: TrainRequest) -> Trained:
    """Train a detector, from the newest checkpoint where there is one.

    Raises
    ------
    Cancelled
        When nobody waits for it any more and it has no checkpoint yet.
    AlcError
        As `detection.training.training.train`; files are named as in the submitting process.
    """
    from napari_alc.detection.devices import cpu_threads

    with _working(token) as (channel, folder), cpu_threads(channel.threads):
        files = request.files
        paths = _paths(channel, files, range(len(files)), folder / "images")
        _require_initial_weights(request.settings, channel)
        run = folder / "run"
        run.mkdir()
        channel.checkpoint = run / CHECKPOINT_FILE
        [checkpoint] = channel.fetch([CHECKPOINT])
        if checkpoint:
            write_bytes(channel.checkpoint, checkpoint)
        with _named_as_sent(files, paths):
            finished = _train(channel, request, paths, run)
        kept = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
        return Trained(kept, finished)


def _require_initial_weights(settings: DetectorSettings, channel: WorkerChannel) -> None:
    """A file of initial weights is named in the settings, so it has to be seen everywhere."""
    given = settings.initial_weights
    if given not in ("none", "imagenet") and not Path(given).is_file():
        raise BadData(
            given,
            f"the worker {channel.address} of the cluster does not see this file of initial "
            "weights",
            "Put it on storage that all workers see under the same path",
        )


def _train(
    channel: WorkerChannel, request: TrainRequest, paths: Sequence[Path], folder: Path
) -> bool:
    """Whether the training came to its end; where not, its checkpoint is in `folder`."""
    from napari_alc.detection.acquisition.strategies import training_variant
    from napari_alc.detection.training.training import train

    try:
        train(
            _samples(request, paths),
            request.categories,
            request.settings,
            folder,
            channel.report,
            channel.should_stop,
            request.device,
            request.step,
            plan=request.plan,
            measure=_measure(channel, request, paths[len(request.images) :]),
            variant=training_variant(request.strategy),
        )
    except Cancelled:
        return False
    return True


def _samples(request: TrainRequest, paths: Sequence[Path]) -> list[TrainingImage]:
    """The training set of `request`, with its files at `paths` (those beyond them are ignored)."""
    from napari_alc.detection.data.samples import TrainingImage

    rows = zip(paths, request.boxes, request.category_ids, request.trusted, strict=False)
    return [TrainingImage(*row) for row in rows]


def _measure(
    channel: WorkerChannel, request: TrainRequest, paths: Sequence[Path]
) -> Measure | None:
    from napari_alc.detection.training.validation import CleanImages, validation_ap50

    if request.truth is None:
        return None
    images = CleanImages(request.truth, paths)
    return lambda detector: validation_ap50(detector, images, channel.should_stop, request.step)


def _weights(channel: WorkerChannel, request: PredictRequest) -> Path:
    """The detector's file: the one of the submitting process, or a copy that is kept here."""
    if request.weights.is_here and fingerprint(Path(request.weights.path)) == request.maker:
        return Path(request.weights.path)
    kept = channel.folder / f"weights-{request.maker}.pt"
    if not kept.exists():
        for old in channel.folder.glob("weights-*.pt"):
            old.unlink()
        [content] = channel.fetch([0])
        write_bytes(kept, content)
    return kept


def _paths(
    channel: WorkerChannel, files: Sequence[SharedFile], numbers: Sequence[int], folder: Path
) -> list[Path]:
    """Where some of `files` are on this computer; those it does not see are brought here."""
    paths = {number: Path(files[number].path) for number in numbers}
    absent = [number for number in numbers if not files[number].is_here]
    for group in in_groups(absent, [files[number].size for number in absent]):
        for number, content in zip(group, channel.fetch(group), strict=True):
            # A folder each: files of different folders may have the same name.
            paths[number] = folder / str(number) / files[number].name
            write_bytes(paths[number], content)
    return list(paths.values())


def in_groups(numbers: Sequence[int], sizes: Sequence[int]) -> Iterator[list[int]]:
    """`numbers` in their order, as many together as hold `BYTES_AT_ONCE`, at least one."""
    group: list[int] = []
    held = 0
    for number, size in zip(numbers, sizes, strict=True):
        if group and held + size > BYTES_AT_ONCE:
            yield group
            group, held = [], 0
        group.append(number)
        held += size
    if group:
        yield group


@contextmanager
def _named_as_sent(files: Sequence[SharedFile], paths: Sequence[Path]) -> Iterator[None]:
    """Name a file that is at fault as it is called in the submitting process."""
    try:
        yield
    except BadData as error:
        names = {path: file.path for path, file in zip(paths, files, strict=True)}
        where = names.get(error.where, str(error.where))
        raise BadData(where, error.problem, error.remedy) from None

"""Training and prediction on a Dask cluster, as the process that submits them sees it.

The cluster is connected to, or it is said in plain words why that cannot be done. Everything that
lasts is written here: the workers send back detections, weights and checkpoints, and neither the
project's folder nor its store has to be seen by them (`execution.dask.messages` tells what is
sent, `execution.dask.worker` what a worker does with it).
"""

from __future__ import annotations

import asyncio
import importlib
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_alc.detection.run_files import CHECKPOINT_FILE, WEIGHTS_FILE
from napari_alc.errors import AlcError
from napari_alc.execution.dask.messages import PredictRequest, SharedFile, Trained, TrainRequest
from napari_alc.execution.dask.scheduler import RemoteTask, TaskBatch
from napari_alc.execution.dask.worker import predict_images, train_model
from napari_alc.files import write_bytes
from napari_alc.labels import Detections
from napari_alc.progress import Progress, Report, ShouldStop
from napari_alc.project.steps.training_inputs import TrainingJob
from napari_alc.project.storage.prediction_files import (
    MissingPiece,
    fingerprint,
    load_pieces,
    missing_pieces,
    save_piece,
)

CONNECTING_SECONDS = 10.0

PACKAGES = ("napari-alc", "dask", "distributed", "torch", "torchvision", "numpy")
"""Results, and what is sent, depend on their versions."""


class Cluster:
    """A Dask cluster as an `Executor` of a project's steps; `connected` finds it.

    `client` is a `distributed.Client`, `address` the scheduler's as the user gave it.
    """

    def __init__(self, client: Any, address: str) -> None:
        self._client = client
        self.address = address

    def predict_pieces(
        self,
        weights: Path,
        images: Sequence[tuple[int, Path]],
        folder: Path,
        report: Report,
        should_stop: ShouldStop,
        device: str,
    ) -> Detections:
        """As `project.storage.prediction_files.predict_pieces`, each piece on some worker.

        Raises
        ------
        Cancelled
            When `should_stop` says so; the pieces that came are kept.
        AlcError
            When the connection is lost, workers die again and again, or a piece fails; the
            pieces that came are kept.
        """
        maker = fingerprint(weights)
        missing = list(missing_pieces(maker, images, folder))
        shared = SharedFile.of(weights)
        done = len(images) - sum(len(piece.images) for piece in missing)
        progress = _PredictProgress(done, len(images), report)
        tasks = (_predict_task(piece, shared, maker, device, progress) for piece in missing)
        TaskBatch(self._client, self.address, tasks, "predict", device).run(report, should_stop)
        return load_pieces(folder, [image_id for image_id, _ in images])

    def train(
        self, jobs: Iterable[TrainingJob], report: Report, should_stop: ShouldStop, device: str
    ) -> Iterator[TrainingJob]:
        """As `project.steps.executor.Executor.train`, all detectors at the same time.

        The folders get what `detection.training.training.train` writes; a checkpoint that is
        there is gone on from, and weights of the same training are kept as they are.

        Raises
        ------
        Cancelled
            When `should_stop` says so; the checkpoints are kept.
        AlcError
            When the connection is lost, workers die again and again, or a training fails; the
            newest checkpoint of each that was not finished is kept.
        """
        wanted = list(jobs)
        missing = [job for job in wanted if not _is_trained(job)]
        if missing:
            tasks = [_train_task(job, device, report) for job in missing]
            batch = TaskBatch(self._client, self.address, tasks, missing[0].step, device)
            batch.run(report, should_stop)
        yield from wanted


@dataclass
class _PredictProgress:
    """The progress of a prediction from that of its pieces."""

    already_done: int
    total: int
    report: Report
    done_of_piece: dict[Path, int] = field(default_factory=dict)

    def update(self, piece: MissingPiece, done: int) -> None:
        if self.done_of_piece.get(piece.path) == done:
            return
        self.done_of_piece[piece.path] = done
        done = self.already_done + sum(self.done_of_piece.values())
        message = f"image {done} of {self.total}"
        self.report(Progress("predict", done, self.total, message))


def _predict_task(
    piece: MissingPiece, weights: SharedFile, maker: str, device: str, all_pieces: _PredictProgress
) -> RemoteTask:
    images = tuple((image_id, SharedFile.of(path)) for image_id, path in piece.images)

    def save(found: Detections) -> bool:
        save_piece(piece.path, found, maker, piece.image_ids)
        all_pieces.update(piece, len(images))
        return True

    def report(progress: Progress) -> None:
        all_pieces.update(piece, progress.done)

    request = PredictRequest(weights, maker, images, device)
    return RemoteTask(predict_images, request, save, report)


def train_request(job: TrainingJob, device: str) -> TrainRequest:
    """A training as it is sent to a worker.

    Raises
    ------
    BadData
        When the file of an image is not there.
    """
    images, clean = job.images(), job.clean
    return TrainRequest(
        images=tuple(SharedFile.of(image.path) for image in images),
        boxes=tuple(image.boxes for image in images),
        category_ids=tuple(image.category_ids for image in images),
        trusted=tuple(image.is_trusted for image in images),
        categories=tuple(job.labels.categories),
        settings=job.settings,
        plan=job.plan,
        step=job.step,
        device=device,
        truth=clean.truth if clean else None,
        validation=tuple(SharedFile.of(path) for path in clean.paths) if clean else (),
        strategy=job.strategy,
    )


def _train_task(job: TrainingJob, device: str, report: Report) -> RemoteTask:
    checkpoint = job.folder / CHECKPOINT_FILE

    def save(trained: Trained) -> bool:
        # The weights come last: they tell that the training is complete.
        for name in sorted(trained.files, key=lambda name: name == WEIGHTS_FILE):
            write_bytes(job.folder / Path(name).name, trained.files[name])
        if trained.finished:
            checkpoint.unlink(missing_ok=True)
        return trained.finished

    return RemoteTask(train_model, train_request(job, device), save, report, checkpoint)


def _is_trained(job: TrainingJob) -> bool:
    from napari_alc.detection.acquisition.strategies import training_variant
    from napari_alc.detection.models.weights import saved_fingerprint
    from napari_alc.detection.training.training import training_fingerprint

    wanted = training_fingerprint(
        job.images(),
        job.labels.categories,
        job.settings,
        job.plan,
        variant=training_variant(job.strategy),
    )
    return saved_fingerprint(job.folder / WEIGHTS_FILE) == wanted


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """The Dask cluster whose scheduler is at `address`, such as ``tcp://10.0.0.5:8786``.

    With ``tls://…`` the certificates of Dask's own configuration are shown.

    Raises
    ------
    AlcError
        When Dask is not installed here, nobody answers there, or the versions differ.
    """
    distributed = _library()
    # What Dask says of lost connections is said by the step in its own words.
    with distributed.utils.silence_logging_cmgr("CRITICAL"):
        client = _client(distributed, address)
        try:
            require_same_versions(client.get_versions(packages=list(PACKAGES)), address)
            yield Cluster(client, address)
        finally:
            client.close()


def _library() -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError:
        raise AlcError(
            "Working on a cluster needs Dask, which is not installed here. Install it with: "
            "pip install dask distributed"
        ) from None


def _client(distributed: Any, address: str) -> Any:
    try:
        _require_usable(distributed, address)
        asyncio.run(_require_answer(distributed, address))
        with warnings.catch_warnings():
            # The versions that matter are compared afterwards, in words.
            warnings.simplefilter("ignore", distributed.versions.VersionMismatchWarning)
            return distributed.Client(address, timeout=CONNECTING_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise AlcError(
            f"No Dask scheduler answers at {address!r} ({_first_line(error)}). Start one with "
            "'dask scheduler', give the address that it prints, such as tcp://10.0.0.5:8786, and "
            "see that no firewall is between."
        ) from error


def _require_usable(distributed: Any, address: str) -> None:
    """Refuse what Dask's client would begin to use, and then leave half a connection behind."""
    scheme, location = distributed.comm.parse_address(address)
    distributed.comm.registry.get_backend(scheme)
    distributed.comm.parse_host_port(location)
    if scheme == "tls" and not _has_certificates(distributed):
        raise AlcError(
            f"The scheduler at {address} asks for certificates, and Dask's configuration on this "
            "computer names none that can be read. Enter ca-file, client cert and key under "
            "distributed: comm: tls: in ~/.config/dask/distributed.yaml."
        )


async def _require_answer(distributed: Any, address: str) -> None:
    """Ask who is there: with a program that is no scheduler Dask's client may wait for ever."""
    options = distributed.Security().get_connection_args("client")
    async with asyncio.timeout(CONNECTING_SECONDS):
        async with distributed.rpc(address, connection_args=options) as scheduler:
            await scheduler.identity()


def _has_certificates(distributed: Any) -> bool:
    try:
        options = distributed.Security().get_connection_args("client")
    except OSError:
        return False
    return options.get("ssl_context") is not None


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or ["no answer in time"])[0]


def require_same_versions(found: Mapping[str, Any], address: str) -> None:
    """Refuse a cluster whose programs differ from those here.

    `found` is what `distributed.Client.get_versions` answers: packages of client, scheduler,
    workers.

    Raises
    ------
    AlcError
        Naming the first computer and package that differ.
    """
    here = _versions(found["client"])
    others = {f"its worker {name}": told for name, told in found["workers"].items()}
    for who, told in {"its scheduler": found["scheduler"], **others}.items():
        there = _versions(told)
        for package in PACKAGES:
            if there[package] != here[package]:
                raise AlcError(
                    f"The cluster at {address} cannot be used: {who} has {package} "
                    f"{there[package]}, this computer {here[package]}. Install the same versions "
                    "everywhere, then start the scheduler and the workers again."
                )


def _versions(told: Mapping[str, Any]) -> dict[str, str]:
    """The version of each package, without the part that names a build for some GPU."""
    known = {name: str(told["packages"].get(name) or "not at all") for name in PACKAGES}
    return {name: version.partition("+")[0] for name, version in known.items()}

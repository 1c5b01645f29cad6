"""A Dask cluster of processes on this computer, and what its workers are made to do in tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_all_start_methods, get_context

import dask
import psutil
from distributed import Client, LocalCluster

from napari_alc.execution.dask.messages import SharedFile
from patience import PATIENCE

LOADED = [
    "distributed.nanny",
    "napari_alc.execution.dask.worker",
    "napari_alc.detection.inference.prediction",
    "napari_alc.detection.training.validation",
]

_sees = SharedFile.is_here


@contextmanager
def started_cluster(workers: int, **options: object) -> Iterator[LocalCluster]:
    """A cluster whose workers are processes with one thread each, which begin at once.

    They are forked from one that has loaded what each of them would need seconds to load.
    """
    if "forkserver" in get_all_start_methods():
        get_context("forkserver").set_forkserver_preload(LOADED)
        dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
    with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        silence_logs="CRITICAL",
        **options,
    ) as cluster:
        yield cluster


def blind() -> None:
    """Let this process see no file of the submitting one."""
    SharedFile.is_here = property(lambda _: False)


def see_again() -> None:
    """Undo `blind`."""
    SharedFile.is_here = _sees


def save_often() -> None:
    """Let trainings in this process save a checkpoint after every few iterations."""
    from napari_alc.detection.training import training

    training.CHECKPOINT_SECONDS = 0.0
    training.CHECKPOINT_SHARE = 1.0


def kill(client: Client, worker: str) -> None:
    """End a worker's process as a crash would."""
    pid = client.run(os.getpid, workers=[worker])[worker]
    process = psutil.Process(pid)
    process.kill()
    process.wait(timeout=PATIENCE)


def do_something(client: Client) -> None:
    """Return when every worker has done something, so none is busy any more."""
    workers = list(client.scheduler_info(n_workers=-1)["workers"])
    done = [client.submit(os.getpid, workers=[worker], pure=False) for worker in workers]
    client.gather(done)

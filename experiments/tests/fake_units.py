"""Rows that take no time, for the tests of the engine; found by their module's name."""

from __future__ import annotations

import os
import signal
import time

from alc_experiments.figures import Figure
from napari_alc.errors import AlcError, Cancelled
from napari_alc.progress import Progress

FAILING_STATUS = 7


def count(experiment):
    """Boxes of the crowd; leaves a mark each time that it computes."""
    mark = experiment.store / f"count-{experiment.seed}"
    mark.parent.mkdir(parents=True, exist_ok=True)
    with mark.open("a") as stream:
        stream.write("x")
    return [Figure("count", "boxes", len(experiment.data.crowd.labels))]


def refuse(_):
    raise AlcError("There is nothing to learn from.")


def end(_):
    os._exit(FAILING_STATUS)


def killed(_):
    os.kill(os.getpid(), signal.SIGKILL)


def threads(_):
    return [Figure("threads", "threads", float(os.environ["OMP_NUM_THREADS"]))]


def patient(experiment):
    """Goes on until it is stopped, as a training does."""
    began = time.monotonic()
    while time.monotonic() - began < 60:
        experiment.report(Progress("train", 3, 300))
        if experiment.should_stop():
            experiment.store.mkdir(parents=True, exist_ok=True)
            (experiment.store / "stopped").touch()
            raise Cancelled("Training")
    return []


UNITS = {
    "count": count,
    "refuse": refuse,
    "end": end,
    "killed": killed,
    "threads": threads,
    "patient": patient,
}

"""Where the commands of a job compute: which may run side by side, and on what.

On graphics cards each gets one of its own. On the CPU two trainings share the cores, provided
that there is memory for both, and they yield to a person at a window.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

from napari_alc.cores import cores
from napari_alc.execution.gpus import gpus_of, reserved
from napari_alc.execution.job_steps import Stage
from napari_alc.execution.yield_to_user import yield_environment

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that tell torch how many threads to compute with."""

MEMORY: Mapping[str, int] = {"compact": 1_500_000_000}
"""Bytes that a training on the CPU takes, by preset; 1.0 GB were measured at 512×512."""

MUCH_MEMORY = 8_000_000_000
"""Of any other detector; resnet50 took 7.4 GB at 800×800 with batches of 4."""


@dataclass(frozen=True)
class Slot:
    """Where one command computes.

    Parameters
    ----------
    environment
        Variables of its process.
    beside
        Further ones while another command computes at the same time.
    """

    environment: Mapping[str, str]
    beside: Mapping[str, str] = field(default_factory=dict)

    @property
    def shared(self) -> Mapping[str, str]:
        """Variables of its process while another command computes at the same time."""
        return {**self.environment, **self.beside}


@contextmanager
def slots(
    stages: Sequence[Stage], device: str, preset: str, title: str
) -> Iterator[tuple[Slot, ...]]:
    """The slots of a job until the block ends: as many as commands may run side by side.

    Parameters
    ----------
    stages
        What the job runs.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    preset
        The detector that is trained.
    title
        What the job does, for others who want the same graphics card.

    Raises
    ------
    AlcError
        When another job has all graphics cards.
    """
    wanted = max(sum(command.computes_here for command in stage) for stage in stages)
    gpus = gpus_of(device) if wanted else ()
    if gpus:
        with reserved(gpus, wanted, title) as own:
            yield tuple(Slot(gpu.environment) for gpu in own)
    elif wanted > 1 and fits_side_by_side(wanted, preset):
        half = dict.fromkeys(THREADS, str(threads_each(wanted)))
        yield tuple(Slot(yield_environment(), half) for _ in range(wanted))
    else:
        yield (Slot(yield_environment()),)


def fits_side_by_side(count: int, preset: str) -> bool:
    """Whether the CPU has a core and the memory for each of `count` trainings."""
    needed = MEMORY.get(preset, MUCH_MEMORY)
    return cores() >= count and psutil.virtual_memory().available >= count * needed


def threads_each(count: int) -> int:
    """Threads of each of `count` commands on the CPU; what the person has set is never passed."""
    share = max(1, cores() // count)
    own = os.environ.get(THREADS[0], "")
    return min(share, int(own)) if own.isdecimal() and int(own) else share

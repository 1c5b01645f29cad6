"""Where the commands of a job compute: which may run side by side, and on what.

On graphics cards each gets one of its own: two trainings on one would take each other's memory. A
card that is in use is locked in the user's cache folder, by the same locks as a project: the
system releases them when the process ends, and a note tells which process it is. On the CPU two
trainings share the cores, provided that there is memory for both, and they yield to a person at a
window.
"""

from __future__ import annotations

import os
import re
import runpy
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import platformdirs
import psutil

from napari_alc.cores import cores
from napari_alc.errors import AlcError, BadData
from napari_alc.execution.job_steps import Stage
from napari_alc.execution.yield_to_user import yield_environment
from napari_alc.project.locks import holders, locked
from napari_alc.wording import form

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that tell torch how many threads to compute with."""

MEMORY: Mapping[str, int] = {"compact": 1_500_000_000, "lite0": 1_900_000_000}
"""Bytes that a training on the CPU takes, by preset; 1.0 and 1.3 GB were measured at 512×512."""

MUCH_MEMORY = 8_000_000_000
"""Of any other detector; resnet50 took 7.4 GB at 800×800 with batches of 4."""

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""Which GPUs CUDA may use, by number or by name."""

LIST_SECONDS = 20.0
"""A driver that has been asleep takes some seconds to list its GPUs."""

ANY_CUDA, ANY_MPS = "cuda", "mps"
"""Stand for the GPU of a machine whose GPUs cannot be listed, or that has but one."""


@dataclass(frozen=True)
class Slot:
    """Where one command computes: the variables of its process, and further ones beside others."""

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

    `device` is ``auto``, ``cpu``, ``cuda`` or ``mps``, `preset` the detector that is trained, and
    `title` tells others who want the same graphics card what the job does.

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


@dataclass(frozen=True)
class Gpu:
    """A graphics card: its name for every process, and variables that show a process it alone."""

    name: str
    environment: Mapping[str, str]


def gpus_of(device: str) -> tuple[Gpu, ...]:
    """The graphics cards that the device ``auto``, ``cpu``, ``cuda`` or ``mps`` stands for."""
    kind, _, number = device.partition(":")
    if kind == ANY_MPS:
        return (Gpu(ANY_MPS, {}),)
    if kind != ANY_CUDA and (kind != "auto" or not _torch_knows_cuda()):
        return ()
    names = _cuda_names()
    if number:  # A process that saw one GPU only would not know it by its number.
        at = int(number) if number.isdecimal() else len(names)
        return (Gpu(names[at] if at < len(names) else device, {}),)
    if not names and kind == ANY_CUDA:
        return (Gpu(ANY_CUDA, {}),)
    return tuple(Gpu(name, {VISIBLE: name}) for name in names)


@contextmanager
def reserved(gpus: Sequence[Gpu], wanted: int, title: str) -> Iterator[tuple[Gpu, ...]]:
    """Keep other jobs from up to `wanted` free GPUs, at least one, until the block ends.

    Raises
    ------
    AlcError
        When all are in use; tells by whom.
    """
    with ExitStack() as held:
        free: list[Gpu] = []
        for gpu in gpus:
            if len(free) < wanted and _reserve(held, gpu, title):
                free.append(gpu)
        if not free:
            raise AlcError(_in_use(gpus))
        yield tuple(free)


def _reserve(held: ExitStack, gpu: Gpu, title: str) -> bool:
    folder = _folder(gpu)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        held.enter_context(locked(folder, title))
    except BadData:
        return False
    return True


def _folder(gpu: Gpu) -> Path:
    cache = platformdirs.user_cache_path("napari-alc", appauthor=False)
    return cache / "gpus" / re.sub(r"[^\w-]", "_", gpu.name)


def _in_use(gpus: Sequence[Gpu]) -> str:
    busy = "; ".join(f"{gpu.name}: {holders(_folder(gpu))}" for gpu in gpus)
    subject = form(len(gpus), "The graphics card works", "All graphics cards work")
    return (
        f"{subject} for another job ({busy}). Wait for its end, cancel it there, "
        "or choose the CPU as the device."
    )


def _cuda_names() -> tuple[str, ...]:
    """Names of the GPUs that CUDA may use; a name from the person is kept as it is."""
    found = _listed()
    allowed = os.environ.get(VISIBLE)
    if allowed is None:
        return found
    entries = [entry.strip() for entry in allowed.split(",") if entry.strip() not in ("", "-1")]
    return tuple(
        found[int(entry)] if entry.isdecimal() and int(entry) < len(found) else entry
        for entry in entries
    )


def _listed() -> tuple[str, ...]:
    """Names of all NVIDIA GPUs, as their driver tells them; of their slices where they are cut."""
    try:
        listing = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=LIST_SECONDS, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    slices = re.findall(r"UUID: (MIG-[^)\s]+)", listing)
    return tuple(slices or re.findall(r"UUID: (GPU-[^)\s]+)", listing))


def _torch_knows_cuda() -> bool:
    """Whether the torch that is installed was made for CUDA, without importing it."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    version = Path(spec.origin).with_name("version.py")
    return version.is_file() and bool(runpy.run_path(str(version)).get("cuda"))

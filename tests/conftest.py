"""What every test needs: laws are tried without a look at the clock, since machines are busy."""

import os
import sys

import psutil
import pytest
from hypothesis import HealthCheck, settings

from napari_alc.cores import cores
from napari_alc.project.storage import database
from running_jobs import ORDINARY_PROGRAM, at_ordinary_priority
from zygote import zygote

settings.register_profile(
    "busy", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy")

BYTES_A_PROCESS = 3 << 30
"""Memory of a process that runs tests, with the processes that these start."""

SLOW = (
    "test_review_speed.py",
    "test_quick_comparison.py",
    "test_cluster.py",
    "test_compare_command.py",
    "test_job_folder.py",
    "test_iterate_page.py",
    "test_mao.py",
    "test_review_flow.py",
    "test_acquisition_strategies.py",
    "test_jobs_commands.py",
    "test_running_rows.py",
    "test_training_step.py",
    "test_ablations.py",
    "test_jobs_closing.py",
    "test_scale.py",
)
"""Files that take longest: begun last, one would keep a single process busy at the end."""


def pytest_xdist_auto_num_workers():
    """One process more than there are cores, where memory allows: tests wait for many things."""
    in_memory = psutil.virtual_memory().available // BYTES_A_PROCESS
    return max(1, min(cores() + 1, in_memory))


def pytest_collection_modifyitems(items):
    """Let the slow files come first, the slowest of them at the front."""
    places = {name: place for place, name in enumerate(SLOW)}
    items.sort(key=lambda item: places.get(item.path.name, len(SLOW)))


@pytest.fixture(autouse=True, scope="session")
def no_waits_for_disks():
    """Files and databases are written as ever, but nobody waits until a disk has them.

    What survives a loss of power no test can see; what survives a kill is the same.
    """

    def quick(connection, record):
        durable(connection, record)
        connection.execute("PRAGMA synchronous=OFF")

    durable = database._durable
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _number: None)
        patch.setattr(database, "_durable", quick)
        yield


@pytest.fixture(autouse=True, scope="session")
def own_log(tmp_path_factory):
    """The log of tests, and of the processes that they start, in a temporary folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def loaded_program():
    """What stands for the program in tests that start it: begun at once, at ordinary priority."""
    if sys.platform == "win32":
        yield ORDINARY_PROGRAM
        return
    with zygote() as command:
        yield command


@pytest.fixture(scope="session")
def loaded_python(loaded_program):
    """What stands for Python in tests that run a script with ``-c`` beside them.

    `zygote.process_behind` tells the process that runs it.
    """
    return (sys.executable,) if sys.platform == "win32" else loaded_program


@pytest.fixture
def quick_jobs(monkeypatch, loaded_program):
    """Jobs begin at once: what is tested is what they do, not how a process starts."""
    at_ordinary_priority(monkeypatch, loaded_program)

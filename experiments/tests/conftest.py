"""The program `alc-experiments`, called inside the test's process, and its own processes."""

from __future__ import annotations

import multiprocessing
from multiprocessing import forkserver
from types import SimpleNamespace

import pytest

from alc_experiments import command
from alc_experiments.runs import running
from program import Program


@pytest.fixture
def program(monkeypatch, capsys):
    return Program(monkeypatch, capsys, "alc-experiments", command.main)


@pytest.fixture(scope="session")
def server():
    """A process that has loaded everything and computed nothing, from which others are forked."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["alc_experiments.runs.worker", "alc_experiments.methods"])
    # The variables of what is forked are those with which the server began.
    with pytest.MonkeyPatch.context() as patch:
        for name in running.THREADS:
            patch.setenv(name, "1")
        forkserver.ensure_running()
    return context


@pytest.fixture(autouse=True)
def forked(monkeypatch, server):
    """Processes of rows begin at once: loading torch takes each of them five seconds."""
    context = SimpleNamespace(get_context=lambda _method: server)
    monkeypatch.setattr(running, "multiprocessing", context)


@pytest.fixture
def spawned(monkeypatch, forked):  # noqa: ARG001
    """Processes of rows begin as they do outside of tests."""
    monkeypatch.setattr(running, "multiprocessing", multiprocessing)

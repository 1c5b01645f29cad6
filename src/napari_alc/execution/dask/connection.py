"""Connecting to a Dask cluster, or saying in plain words why that cannot be done."""

from __future__ import annotations

import asyncio
import importlib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from napari_alc.errors import AlcError
from napari_alc.execution.dask.client import Cluster

CONNECTING_SECONDS = 10.0

PACKAGES = ("napari-alc", "dask", "distributed", "torch", "torchvision", "numpy")
"""Results, and what is sent, depend on their versions."""


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """The Dask cluster whose scheduler is at `address`.

    Parameters
    ----------
    address
        As the scheduler printed it, such as ``tcp://10.0.0.5:8786``; ``tls://…`` with the
        certificates of Dask's own configuration.

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

    Parameters
    ----------
    found
        What `distributed.Client.get_versions` answers: packages of client, scheduler, workers.
    address
        The scheduler's.

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

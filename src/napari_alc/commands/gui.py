"""The command `gui`: napari with the plugin docked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_alc.plugin.launch import launch


def gui(
    project: Annotated[
        Path | None, typer.Argument(metavar="PROJECT", help="The project's folder.")
    ] = None,
) -> None:
    """Open napari with the plugin docked, and the project open.

    Example: napari-alc gui study
    """
    launch(project)

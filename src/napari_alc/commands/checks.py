"""What several commands ask of their arguments, and how they pass on readers' notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import typer

from napari_alc.errors import BadData


def fraction(value: float) -> float:
    """Refuse an option outside 0–1, NaN too (click's own range check lets it pass)."""
    if not 0 <= value <= 1:
        raise typer.BadParameter(f"{value} is not in the range 0–1.")
    return value


def tell(notes: Iterable[str]) -> None:
    """Print notes to standard error, a line each."""
    for note in notes:
        typer.echo(note, err=True)


def refuse_overwriting(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Refuse to write a file that is also read, or written twice."""
    taken = {path.resolve() for path in inputs}
    for output in outputs:
        if output.resolve() in taken:
            raise BadData(
                output, "is named twice among the files to read and write", "Choose another name"
            )
        taken.add(output.resolve())

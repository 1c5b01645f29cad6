"""Markdown pages and the plot of a comparison, from its CSV files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from alc_experiments.pages.figure6 import draw_figure6
from alc_experiments.pages.run_notes import RunNote, read_run_notes
from alc_experiments.pages.spread import Results, read_results
from alc_experiments.pages.table_parts import page
from alc_experiments.pages.tables import CALIBRATION, SHEETS, markdown
from napari_alc.files import atomic_write, write_text
from napari_alc.project.reporting.report_tables import Table
from napari_alc.wording import UNKNOWN

INDEX = "index.md"


def render(folder: Path) -> list[Path]:
    """Write a page for each CSV file in `folder`, Figure 6 as a plot, and an index of the pages.

    Tables that are not there are named in the index.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    BadData
        When a file is damaged (see `read_results`) or one cannot be written; pages that were
        there before are unharmed when a CSV file is damaged.
    """
    notes = read_run_notes(folder)
    found = {
        name: read_results(_csv(folder, name)) for name in SHEETS if name not in missing(folder)
    }
    written = [_page(folder, name, results, notes) for name, results in found.items()]
    if "figure6" in found:
        written.append(_plot(folder, found["figure6"]))
    index = folder / INDEX
    write_text(index, _index(found, notes))
    return [*written, index]


def missing(folder: Path) -> tuple[str, ...]:
    """Tables that have no CSV file yet."""
    return tuple(name for name in SHEETS if not _csv(folder, name).exists())


def _csv(folder: Path, name: str) -> Path:
    return folder / f"{name}.csv"


def _page(folder: Path, name: str, results: Results, notes: Mapping[str, RunNote]) -> Path:
    path = folder / f"{name}.md"
    write_text(path, markdown(name, results, notes.get(name, RunNote())))
    return path


def _plot(folder: Path, results: Results) -> Path:
    path = folder / "figure6.png"
    with atomic_write(path) as stream:
        stream.write(draw_figure6(results))
    return path


def _index(found: Mapping[str, Results], notes: Mapping[str, RunNote]) -> str:
    rows = list(_rows(found, notes))
    same = [head for head in ("versions", "device") if len({row[head] for row in rows}) == 1]
    shared = (f"- {head.capitalize()}: {rows[0][head]}" for head in same)
    shown = [{head: cell for head, cell in row.items() if head not in same} for row in rows]
    return page(
        "Results of the comparison",
        "Written by `alc-experiments compare render` from the CSV files beside it; no figure is "
        "typed by hand.",
        "\n".join(shared),
        Table(tuple(shown[0]), tuple(tuple(row.values()) for row in shown)) if shown else "",
        _not_there(name for name in SHEETS if name not in found and CALIBRATION not in name),
    )


def _rows(found: Mapping[str, Results], notes: Mapping[str, RunNote]) -> Iterator[dict[str, str]]:
    """A line for each table, cells by their heads."""
    for name, results in found.items():
        run = notes.get(name, RunNote())
        yield {
            "table": f"[{SHEETS[name].title}]({name}.md)",
            "seeds": str(len(results.seeds)),
            "computing time": run.time_in_words or UNKNOWN,
            "versions": run.versions_in_words or UNKNOWN,
            "device": run.device or UNKNOWN,
            "command": f"`{run.command}`" if run.command else UNKNOWN,
        }


def _not_there(names: Iterable[str]) -> str:
    titles = "\n".join(f"- {SHEETS[name].title} (`{name}.csv`)" for name in names)
    return f"Not measured yet:\n\n{titles}" if titles else ""

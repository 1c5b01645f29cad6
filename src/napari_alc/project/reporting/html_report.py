"""The report for people: one HTML file that holds its pictures, and the pictures beside it."""

from __future__ import annotations

import platform
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from napari_alc import __version__
from napari_alc.errors import Cancelled
from napari_alc.files import write_bytes, write_text
from napari_alc.labels import LabelSet
from napari_alc.progress import Progress, Report, ShouldStop, never, silent
from napari_alc.project.project import Project
from napari_alc.project.reporting.contact_sheet import changed_pairs, draw_sheet
from napari_alc.project.reporting.plots import draw_plots
from napari_alc.project.reporting.report_data import Findings, findings
from napari_alc.project.reporting.report_tables import Record, Section, sections
from napari_alc.wording import AP50_MEANS

FOLDER = "report"
"""In the exports' folder."""

HTML_FILE = "report.html"

SHEET = "contact-sheet"

FILES = {
    "iterations": "ap50.png",
    "labels": "noise.png",
    "tide": "tide.png",
    "detectors": "detectors.png",
    "agreement": "agreement.png",
    "time": "time.png",
    SHEET: "contact-sheet.png",
}
"""Name of each picture's file, by the section that it belongs to."""

CAPTIONS = {
    "iterations": f"AP50 of both models against the budget that was spent. {AP50_MEANS}.",
    "labels": "Noise of the labels by type.",
    "tide": "What each type of error costs.",
    "detectors": "What each type of error costs, by the labels that a detector learned from.",
    "agreement": "Agreement of each two readers.",
    "time": "Time worked.",
    SHEET: "The images that the cleaning has changed most: the crowd's labels on the left, the "
    "clean ones on the right.",
}

NAMED = ("numpy", "scipy", "matplotlib", "torch", "torchvision")
"""Programs whose versions the report names."""

TEMPLATE = "report.html.jinja"
"""Beside this module."""


def report_file(project: Project) -> Path:
    """Where the report of a project lies if no other place was named."""
    return project.exports_folder / FOLDER / HTML_FILE


def write_report(
    project: Project,
    folder: Path | None = None,
    truth: LabelSet | None = None,
    report: Report = silent,
    should_stop: ShouldStop = never,
) -> Path:
    """Write the report of a project, finished or not; returns the HTML file.

    It goes to ``exports/report`` in the project's folder by default. True labels have the project's
    ids.

    Raises
    ------
    BadData
        When an image cannot be read, or the folder cannot be written.
    """
    folder = folder or report_file(project).parent
    report(Progress("report", 0, 3, "Asking the project"))
    found = findings(project, truth)
    _stop_if(should_stop)
    report(Progress("report", 1, 3, "Drawing"))
    pictures = {**draw_plots(found.record), **_sheet(project, found)}
    _stop_if(should_stop)
    report(Progress("report", 2, 3, "Writing"))
    _write_pictures(folder, pictures)
    write_text(folder / HTML_FILE, html(found.record, pictures))
    report(Progress("report", 3, 3, "Done"))
    return folder / HTML_FILE


def _write_pictures(folder: Path, pictures: Mapping[str, bytes]) -> None:
    """Write what there is; pictures of an earlier report that are no longer shown go."""
    for key, name in FILES.items():
        if key in pictures:
            write_bytes(folder / name, pictures[key])
        else:
            (folder / name).unlink(missing_ok=True)


def _stop_if(should_stop: ShouldStop) -> None:
    if should_stop():
        raise Cancelled("The report")


def _sheet(project: Project, found: Findings) -> dict[str, bytes]:
    pairs = changed_pairs(found.crowd, found.clean)
    return {SHEET: draw_sheet(project, pairs)} if pairs else {}


def html(record: Record, pictures: Mapping[str, bytes]) -> str:
    """The report as one HTML document; pictures are PNGs by the key of their section."""
    shown = [*sections(record)]
    if SHEET in pictures:
        shown.insert(1, Section(SHEET, "Before and after", ()))
    # Titles, categories and readers' names are people's own words: all of them are escaped.
    environment = Environment(
        loader=PackageLoader(__package__, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(TEMPLATE).render(
        title=record["title"],
        sections=shown,
        captions=CAPTIONS,
        pictures={key: b64encode(png).decode() for key, png in pictures.items()},
        now=datetime.now(),
        version=__version__,
        python=platform.python_version(),
        programs=", ".join(f"{name} {version(name)}" for name in NAMED),
    )

"""The report for people: one HTML file that holds its pictures, and the pictures beside it."""

from __future__ import annotations

import platform
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from html import escape
from importlib.metadata import version
from pathlib import Path

from napari_alc import __version__
from napari_alc.errors import Cancelled
from napari_alc.files import atomic_write, write_text
from napari_alc.labels import LabelSet
from napari_alc.progress import Progress, Report, ShouldStop, never, silent
from napari_alc.project.project import Project
from napari_alc.project.reporting.contact_sheet import changed_pairs, draw_sheet
from napari_alc.project.reporting.plots import draw_plots
from napari_alc.project.reporting.report_data import Findings, findings
from napari_alc.project.reporting.report_tables import Record, Section, Table, sections

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
    "iterations": "AP50 of both detectors against the budget that was spent.",
    "labels": "Noise of the labels by type.",
    "tide": "What each type of error costs.",
    "detectors": "What each type of error costs, by the labels that a detector learned from.",
    "agreement": "Agreement of each two readers.",
    "time": "Time worked.",
    SHEET: "The images that the cleaning has changed most: the crowd's labels on the left, the "
    "clean ones on the right.",
}

PAPER = (
    "Tan, Liu, Zhang et al.: Active Label Cleaning for Reliable Detection of Electron Dense "
    "Deposits in Transmission Electron Microscopy Images, 2026."
)

STYLE = """
body { font: 15px/1.5 system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; color: #1b1b1b;
       background: #fff; max-width: 60em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.7em; margin-bottom: 0.2em; }
h2 { font-size: 1.25em; margin-top: 2em; border-bottom: 1px solid #bbb; }
p.date { color: #555; margin-top: 0; }
table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25em 0.8em; border-bottom: 1px solid #ddd; text-align: right; }
th { border-bottom: 2px solid #888; }
th:first-child, td:first-child { text-align: left; }
figure { margin: 1em 0; }
img { max-width: 100%; height: auto; }
figcaption { color: #444; font-size: 0.9em; }
@media print {
  body { margin: 0; max-width: none; font-size: 11pt; }
  h2 { break-after: avoid; }
  table, figure { break-inside: avoid; }
}
"""


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

    Parameters
    ----------
    project
        As it stands; only reads.
    folder
        Where to write; ``exports/report`` in the project's folder by default.
    truth
        True labels of the project's images, with its ids, where they are known.
    report, should_stop
        See `napari_alc.progress`.

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
            with atomic_write(folder / name) as stream:
                stream.write(pictures[key])
        else:
            (folder / name).unlink(missing_ok=True)


def _stop_if(should_stop: ShouldStop) -> None:
    if should_stop():
        raise Cancelled("The report")


def _sheet(project: Project, found: Findings) -> dict[str, bytes]:
    pairs = changed_pairs(found.crowd, found.clean)
    return {SHEET: draw_sheet(project, pairs)} if pairs else {}


def html(record: Record, pictures: Mapping[str, bytes]) -> str:
    """The report as one HTML document.

    Parameters
    ----------
    record
        See `napari_alc.project.reporting.report_tables.sections`.
    pictures
        PNGs by the key of their section.
    """
    title = escape(str(record["title"]))
    sheet = Section(SHEET, "Before and after", ())
    shown = [*sections(record)]
    if SHEET in pictures:
        shown.insert(1, sheet)
    body = "\n".join(_section(section, pictures) for section in shown)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{title}</h1>\n<p class="date">{_date()}, napari-alc {escape(__version__)}</p>\n'
        f"{body}\n{_citing()}\n</body>\n</html>\n"
    )


def _section(section: Section, pictures: Mapping[str, bytes]) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>"]
    if section.key in pictures:
        parts.append(_figure(section.key, pictures[section.key]))
    parts += [_block(block) for block in section.blocks]
    return "\n".join(parts)


def _figure(key: str, png: bytes) -> str:
    caption = escape(CAPTIONS[key])
    data = b64encode(png).decode()
    return (
        f'<figure><img alt="{caption}" src="data:image/png;base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _block(block: str | Table) -> str:
    if isinstance(block, str):
        return f"<p>{escape(block)}</p>"
    head = "".join(f"<th>{escape(name)}</th>" for name in block.head)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in block.rows
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"


def _date() -> str:
    now = datetime.now()
    return f"{now.day} {now:%B %Y}"


def _citing() -> str:
    names = ("numpy", "scipy", "matplotlib", "torch", "torchvision")
    programs = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        "<h2>How to cite</h2>\n"
        f"<p>The program: napari-alc developers, napari-alc, version {escape(__version__)}, "
        f"{datetime.now().year}.</p>\n<p>The method: {escape(PAPER)}</p>\n"
        f"<p>Made with Python {escape(platform.python_version())}, {escape(programs)}.</p>"
    )

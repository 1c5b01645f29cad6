"""What an audit has found and what the forecast says, for a report."""

from __future__ import annotations

from collections.abc import Mapping

from napari_alc.project.project import Project
from napari_alc.project.reporting.report_tables import Table
from napari_alc.project.status import is_corrected
from napari_alc.project.steps.audit import Audit, Share
from napari_alc.project.steps.audit import result as audit_result
from napari_alc.project.steps.forecast import Forecast, Scenario, forecast, recommendation, surprise
from napari_alc.wording import UNKNOWN

KINDS = {
    "background": "boxes of the crowd with no object in them",
    "location": "boxes of the crowd in the wrong place, or of the wrong size or kind",
    "box_in_box": "boxes of the crowd around several objects",
    "miss": "objects that the crowd has missed",
}

LEFT = {
    "background": "labels with no object in them",
    "location": "labels in the wrong place, or of the wrong size or kind",
    "box_in_box": "labels around several objects",
    "miss": "objects without a label that nobody is shown",
}
"""What the automatic correction leaves."""

Blocks = list[str | Table]


def outlook(project: Project) -> dict[str, Blocks]:
    """Paragraphs and tables by their heading; nothing where nothing was found."""
    found: dict[str, Blocks] = {}
    audit = audit_result(project)
    if audit is not None and audit.noise:
        found["Audit of images drawn by chance"] = _audit(audit)
    if not is_corrected(project):
        found["Forecast"] = _forecast(forecast(project), recommendation(project))
    return found


def _audit(audit: Audit) -> Blocks:
    words = (
        f"{audit.images:,} images were drawn by chance from those that only the crowd has labelled "
        f"(after iteration {audit.iteration}). The interval tells where the share of all these "
        "images lies with 95 % confidence (Wilson, with the effective size of the sample: boxes of "
        "one image err together)."
    )
    blocks: Blocks = [words, _shares("noise of the crowd's labels", KINDS, audit.noise)]
    if audit.corrected:
        blocks += [LEFT_WORDS, _shares("noise after the correction", LEFT, audit.corrected)]
    return blocks


LEFT_WORDS = (
    "Had these images been corrected automatically instead, with the models of that iteration, and "
    "their red and green boxes gone to a pathologist, this would be left:"
)


def _shares(head: str, names: Mapping[str, str], noise: Mapping[str, Share]) -> Table:
    rows = tuple(
        (names[kind], f"{share.count:,} of {share.of:,}", *_percentages(share))
        for kind, share in noise.items()
    )
    return Table((head, "found", "share", "95 % interval"), rows)


def _percentages(share: Share) -> tuple[str, str]:
    if not share.of:
        return UNKNOWN, UNKNOWN
    return (
        f"{100 * share.count / share.of:.1f} %",
        f"{100 * share.low:.1f}–{100 * share.high:.1f} %",
    )


def _forecast(found: Forecast, advice: str) -> Blocks:
    ways = {"with all iterations": found.to_the_end, "without another one": found.stop_now}
    rows = tuple((name, *_cells(way)) for name, way in ways.items() if way is not None)
    head = ("to the end", "images to review", "boxes", "budget at the end %", "minutes more")
    why = surprise(found)
    return [advice, *([Table(head, rows)] if rows else []), *([why] if why else [])]


def _cells(way: Scenario) -> tuple[str, str, str, str]:
    minutes = UNKNOWN if way.minutes is None else f"{way.minutes:.0f}"
    return f"{way.images:,}", f"{way.boxes:,}", f"{way.budget:.1f}", minutes

"""What a project reached as tables in Markdown, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]

TYPES_OF_NOISE = ("clean", "location", "box_in_box", "background", "miss")

UNKNOWN = "–"


def iteration_header() -> str:
    """The head of the table of iterations."""
    names = ("iteration", "images", "boxes", "tau", "AP50 Mp", "AP50 Ma", "label F1", "budget %")
    return _row(names) + "\n" + _row("-" * len(name) for name in names)


def iteration_row(record: Record) -> str:
    """One iteration: what was labelled, what the models reach, what it cost."""
    return _row(
        (
            str(record["iteration"]),
            str(record["images"]),
            str(record["boxes"]["mp"]),
            f"{record['tau']:.2f}",
            _ap50(record["models"]["mp"]),
            _ap50(record["models"]["ma"]),
            f"{record['labels']['f1']:.3f}",
            f"{record['budget']['total']:.1f}",
        )
    )


def markdown(report: Record) -> str:
    """The whole report."""
    parts = [
        "# Active label cleaning with a simulated pathologist",
        "## Iterations",
        "\n".join([iteration_header(), *map(iteration_row, report["iterations"])]),
        "AP50 on the test images, in percent; label F1 of the pathologists' labels together with "
        "the crowd's on the other images; budget at full price.",
        "## Labels before and after",
        _label_table(report["labels"]),
        "## Budget in percent of labelling everything by pathologists",
        _budget_table(report["budget"]),
    ]
    if report.get("time"):
        parts += ["## Time measured", _time_table(report["time"])]
    if report["detectors"]:
        parts += ["## Detectors trained on all images", _detector_table(report["detectors"])]
    if report.get("agreement"):
        parts += ["## Agreement of readers", agreement_table(report["agreement"])]
    return "\n\n".join(parts) + "\n"


def _label_table(labels: Mapping[str, Record]) -> str:
    head = ("labels", *TYPES_OF_NOISE, "precision", "recall", "F1")
    rows = (
        (
            name,
            *(str(noise[kind]) for kind in TYPES_OF_NOISE),
            *(f"{noise[ratio]:.3f}" for ratio in ("precision", "recall", "f1")),
        )
        for name, noise in labels.items()
    )
    return _table(head, rows)


def _budget_table(budget: Record) -> str:
    counts = budget["counts"]
    rows = (
        ("crowd boxes", counts["crowd"], budget["crowd_part"], budget["crowd_part"]),
        (
            "step 1, whole images",
            f"{counts['step1_boxes']} ({counts['step1_edits']} edited)",
            budget["step1_part"],
            budget["step1_edit_part"],
        ),
        (
            "step 2, red and green",
            counts["step2_boxes"],
            budget["step2_part"],
            budget["step2_part"],
        ),
        ("together", UNKNOWN, budget["total"], budget["edit_total"]),
    )
    return _table(
        ("part", "boxes", "full price", "edit price"),
        ((name, str(boxes), f"{full:.2f}", f"{edit:.2f}") for name, boxes, full, edit in rows),
    )


def _time_table(time: Record) -> str:
    rows = [
        ("step 1, whole images", f"{time['step1_minutes']:.1f} minutes"),
        ("step 2, red and green", f"{time['step2_minutes']:.1f} minutes"),
        *((name, f"{spent:.1f} minutes") for name, spent in time["minutes_by_person"].items()),
    ]
    if time["box_in_box_time"] is not None:
        rows.append(
            ("step 2 against the same without box-in-box", f"{time['box_in_box_time']:.1f} %")
        )
    return _table(("part", "time"), rows)


def _detector_table(detectors: Mapping[str, Record]) -> str:
    errors = ("Cls", "Loc", "Both", "Dupe", "Bkg", "Miss")
    rows = (
        (name, f"{record['AP50']:.2f}", *(f"{record['TIDE'][error]:.2f}" for error in errors))
        for name, record in detectors.items()
    )
    return _table(("trained on", "AP50", *errors), rows)


def agreement_table(pairs: Sequence[Record]) -> str:
    """How far each two readers agree; below it why a kappa is not defined."""
    head = ("readers", "images", "boxes", "F1", "kappa")
    rows = (
        (
            f"{pair['first']}, {pair['second']}",
            str(pair["images"]),
            str(pair["boxes"]),
            f"{pair['f1']:.3f}",
            UNKNOWN if pair["kappa"] is None else f"{pair['kappa']:.3f}",
        )
        for pair in pairs
    )
    reasons = [
        f"No kappa for {pair['first']} and {pair['second']}: {pair['why_no_kappa']}."
        for pair in pairs
        if pair["kappa"] is None
    ]
    return "\n\n".join([_table(head, rows), *reasons])


def _ap50(record: Record | None) -> str:
    return UNKNOWN if record is None else f"{record['AP50']:.1f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join([_row(head), _row("-" * len(name) for name in head), *map(_row, rows)])


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"

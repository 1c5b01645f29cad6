"""What a project reached as records and as tables; the one source of them for every report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from napari_alc.cleaning.budget import Budget
from napari_alc.evaluation.average_precision import average_precision
from napari_alc.evaluation.matching import detection_limit
from napari_alc.evaluation.tide import tide_errors
from napari_alc.labels import Detections, LabelSet
from napari_alc.wording import AP50_MEANS, MODEL_NAMES, UNKNOWN, capital

Record = Mapping[str, Any]


def detector_record(truth: LabelSet, detections: Detections) -> Record:
    """AP50 and TIDE's errors in percent."""
    limit = detection_limit(detections)
    precision = average_precision(truth, detections, limit)
    errors = tide_errors(truth, detections, limit)
    return {"AP50": precision.ap50, "TIDE": errors.gains()}


PARTS = ("crowd_part", "step1_part", "step1_edit_part", "step2_part", "total", "edit_total")


def budget_record(spent: Budget) -> Record:
    """Raw counts, the parts in percent, and both totals."""
    counts = asdict(spent)
    del counts["costs"]
    return {"counts": counts, **{part: getattr(spent, part) for part in PARTS}}


TYPES_OF_NOISE = ("clean", "location", "box_in_box", "background", "miss")

ERRORS = ("Cls", "Loc", "Both", "Dupe", "Bkg", "Miss")
"""TIDE's types, in its order."""


@dataclass(frozen=True)
class Table:
    """Cells in words under a head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """The table in Markdown."""
        lines = (self.head, tuple("-" * len(name) for name in self.head), *self.rows)
        return "\n".join(map(_row, lines))


@dataclass(frozen=True)
class Section:
    """A part of a report: paragraphs and tables; the key tells which figures belong to it."""

    key: str
    title: str
    blocks: tuple[str | Table, ...]

    def markdown(self) -> str:
        """The section in Markdown."""
        texts = (b if isinstance(b, str) else b.markdown() for b in self.blocks)
        return "\n\n".join([f"## {self.title}", *texts])


SIMULATED = "Active label cleaning with a simulated pathologist"


def markdown(report: Record) -> str:
    """The whole report in Markdown."""
    title = report.get("title", SIMULATED)
    parts = [f"# {title}", *(section.markdown() for section in sections(report))]
    return "\n\n".join(parts) + "\n"


def sections(report: Record) -> tuple[Section, ...]:
    """Everything that is known, in the order in which it is read."""
    makers = (
        _state,
        _iterations,
        _labels,
        _tide,
        _budget,
        _time,
        _detectors,
        _agreement,
        _origins,
        _remarks,
        _flags,
        _further,
        _settings,
    )
    return tuple(section for make in makers for section in make(report))


def _state(report: Record) -> Iterator[Section]:
    state = report.get("state")
    if state:
        rows = tuple((name, str(value)) for name, value in state["figures"].items())
        missing = report.get("missing", ())
        absent = ("Not there yet: " + " ".join(missing),) if missing else ()
        table = Table(("what", "number"), rows)
        blocks = (state["sentence"], *state["summary"], table, *absent)
        yield Section("state", "Where the project stands", blocks)


def _iterations(report: Record) -> Iterator[Section]:
    table = Table(ITERATION_COLUMNS, tuple(map(_iteration_cells, report["iterations"])))
    measured = report.get("measured_on", "on the test images")
    words = f"AP50 {measured}, in percent; " if measured else ""
    words += (
        "label F1 of the pathologists' labels together with the crowd's on the other images; "
        "budget at full price."
    )
    words = words[0].upper() + words[1:]
    if report.get("size_estimated"):
        words += f" {report['size_estimated']}"
    meanings = (MEANINGS,) if "state" in report else ()
    pasting = tuple(chain.from_iterable(map(_pasting, report["iterations"])))
    yield Section("iterations", "Iterations", (table, words, *meanings, *pasting))


def _pasting(record: Record) -> Iterator[str]:
    for model, sentence in record.get("pasting", {}).items():
        yield f"{capital(MODEL_NAMES[model])} of iteration {record['iteration']}: {sentence}"


MEANINGS = (
    "The expert's model (Mp) learned from the pathologists' labels, the shared model (Ma) from "
    "those on which pathologists and crowd agree. The confidence limit is how sure a model has to "
    f"be of a box for the box to count. {AP50_MEANS}."
)


ITERATION_COLUMNS = (
    "iteration",
    "images",
    "boxes",
    "confidence limit",
    "AP50 Mp",
    "AP50 Ma",
    "label F1",
    "budget %",
)


def iteration_header() -> str:
    """The head of the table of iterations, in Markdown."""
    return Table(ITERATION_COLUMNS, ()).markdown()


def iteration_row(record: Record) -> str:
    """One iteration in Markdown: what was labelled, what the models reach, what it cost."""
    return _row(_iteration_cells(record))


def _iteration_cells(record: Record) -> tuple[str, ...]:
    labels = record["labels"]
    return (
        str(record["iteration"]),
        str(record["images"]),
        str(record["boxes"]["mp"]),
        UNKNOWN if record["tau"] is None else f"{record['tau']:.2f}",
        _ap50(record["models"]["mp"]),
        _ap50(record["models"]["ma"]),
        UNKNOWN if labels is None else f"{labels['f1']:.3f}",
        f"{record['budget']['total']:.1f}",
    )


def _labels(report: Record) -> Iterator[Section]:
    labels = report["labels"]
    if labels or "state" not in report:
        blocks: tuple[str | Table, ...] = (_label_table(labels),)
        if report.get("judged_by"):
            blocks = (report["judged_by"], *blocks)
        if report.get("caveat"):
            blocks = (*blocks, f"The noise that was found is {report['caveat']}.")
        yield Section("labels", "Labels before and after", blocks)


def _label_table(labels: Mapping[str, Record]) -> Table:
    head = ("labels", *TYPES_OF_NOISE, "precision", "recall", "F1")
    rows = (
        (
            name,
            *(str(noise[kind]) for kind in TYPES_OF_NOISE),
            *(f"{noise[ratio]:.3f}" for ratio in ("precision", "recall", "f1")),
        )
        for name, noise in labels.items()
    )
    return Table(head, tuple(rows))


def _tide(report: Record) -> Iterator[Section]:
    rows = tuple(
        (str(record["iteration"]), name, *_error_cells(record["models"][model]))
        for record in report["iterations"]
        for model, name in (("mp", "Mp"), ("ma", "Ma"))
        if record["models"][model]
    )
    if rows and "state" in report:
        table = Table(("iteration", "model", *ERRORS), rows)
        words = (
            f"What AP50 {report.get('measured_on', 'on the test images')} would gain, in "
            "percentage points, if one type of error were put right: the wrong category (Cls), a "
            "place that is not met (Loc), both, the same object twice (Dupe), no object there "
            "(Bkg), an object not found (Miss)."
        )
        yield Section("tide", "Errors of the detectors (TIDE)", (words, table))


def _error_cells(record: Record) -> Iterator[str]:
    return (f"{record['TIDE'][error]:.2f}" for error in ERRORS)


def _budget(report: Record) -> Iterator[Section]:
    blocks: list[str | Table] = [_budget_table(report["budget"])]
    if report.get("size_estimated"):
        blocks.append(report["size_estimated"])
    yield Section(
        "budget", "Budget in percent of labelling everything by pathologists", tuple(blocks)
    )


def _budget_table(budget: Record) -> Table:
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
    cells = ((name, str(boxes), f"{full:.2f}", f"{edit:.2f}") for name, boxes, full, edit in rows)
    return Table(("part", "boxes", "full price", "edit price"), tuple(cells))


def _time(report: Record) -> Iterator[Section]:
    if report.get("time"):
        yield Section("time", "Time measured", (_time_table(report["time"]),))


def _time_table(time: Record) -> Table:
    rows = [
        ("step 1, whole images", f"{time['step1_minutes']:.1f} minutes"),
        ("step 2, red and green", f"{time['step2_minutes']:.1f} minutes"),
        *((name, f"{spent:.1f} minutes") for name, spent in time["minutes_by_person"].items()),
    ]
    if time["box_in_box_time"] is not None:
        rows.append(
            ("step 2 against the same without box-in-box", f"{time['box_in_box_time']:.1f} %")
        )
    return Table(("part", "time"), tuple(rows))


def _detectors(report: Record) -> Iterator[Section]:
    if report["detectors"]:
        rows = (
            (name, f"{record['AP50']:.2f}", *_error_cells(record))
            for name, record in report["detectors"].items()
        )
        table = Table(("trained on", "AP50", *ERRORS), tuple(rows))
        yield Section("detectors", "Detectors trained on all images", (table,))


def _agreement(report: Record) -> Iterator[Section]:
    if report.get("agreement"):
        blocks = _agreement_blocks(report["agreement"])
        yield Section("agreement", "Agreement of readers", tuple(blocks))


def agreement_table(pairs: Sequence[Record]) -> str:
    """How far each two readers agree, in Markdown; below it why a kappa is not defined."""
    blocks = _agreement_blocks(pairs)
    return "\n\n".join(b if isinstance(b, str) else b.markdown() for b in blocks)


def _agreement_blocks(pairs: Sequence[Record]) -> list[str | Table]:
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
    return [Table(("readers", "images", "boxes", "F1", "kappa"), tuple(rows)), *reasons]


def _origins(report: Record) -> Iterator[Section]:
    """How the clean labels were decided, and who first drew them."""
    tables = tuple(
        Table((name, "labels"), tuple((key, str(count)) for key, count in counts.items()))
        for name, counts in report.get("origins", {}).items()
    )
    if tables:
        yield Section("origins", "Where the clean labels come from", tables)


def _remarks(report: Record) -> Iterator[Section]:
    """Boxes that nobody has settled, and what people noted."""
    rows = report.get("remarks", ())
    if rows:
        yield Section("remarks", "Unsure boxes and notes", (UNSURE_MEANS, remarks_table(rows)))


UNSURE_MEANS = (
    "A box that somebody is unsure about is no label until a person decides it: no detector learns "
    "it, and it is not counted among the clean labels."
)


def remarks_table(rows: Sequence[Record]) -> Table:
    """Boxes with a mark or a note: where they are, who said what, and when."""
    head = ("image", "box", "category", "unsure", "since", "note", "by")
    return Table(head, tuple(map(_remark_cells, rows)))


def _remark_cells(row: Record) -> tuple[str, ...]:
    x1, y1, x2, y2 = (round(value) for value in row["corners"])
    return (
        row["file_name"],
        f"{x1}, {y1} to {x2}, {y2}",
        row["category"],
        row.get("unsure_by", UNKNOWN),
        row.get("unsure_at", UNKNOWN)[:10],
        row.get("note", "") or UNKNOWN,
        row.get("note_by", UNKNOWN),
    )


def _flags(report: Record) -> Iterator[Section]:
    """Images that people said something about."""
    rows = report.get("flags", ())
    if rows:
        yield Section("flags", "Flagged images", (FLAGS_MEAN, flags_table(rows)))


FLAGS_MEAN = (
    "An excluded image is left out of training, selection, statistics and export. The other flags "
    "are told here and leave an image where it is."
)


def flags_table(rows: Sequence[Record]) -> Table:
    """Flags on images: which, why, who set them, and when."""
    cells = tuple(
        (row["file_name"], row["flag"], row["words"] or UNKNOWN, row["by"], row["at"][:10])
        for row in rows
    )
    return Table(("image", "flag", "words", "by", "since"), cells)


def _further(report: Record) -> Iterator[Section]:
    """What other parts of the program have found, in their words."""
    for title, blocks in report.get("further", {}).items():
        yield Section("further", title, tuple(blocks))


def _settings(report: Record) -> Iterator[Section]:
    if "state" in report:
        named = report["settings"].items()
        tables = tuple(settings_table(name, values) for name, values in named if values)
        yield Section("settings", "Settings", tables)


def settings_table(name: str, values: Record) -> Table:
    """Settings of a kind, by name."""
    rows = (
        (key, "chosen by the program" if value is None else str(value))
        for key, value in values.items()
    )
    return Table((name, "value"), tuple(rows))


def _ap50(record: Record | None) -> str:
    return UNKNOWN if record is None else f"{record['AP50']:.1f}"


def _row(cells: Iterable[str]) -> str:
    # People's words may hold what would end a cell or a row.
    return "| " + " | ".join(" ".join(c.replace("|", "\\|").split()) for c in cells) + " |"

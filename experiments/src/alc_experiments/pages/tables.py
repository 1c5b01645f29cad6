"""The comparison's tables in Markdown, each with what it shows and how it was made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from alc_experiments.data import NOISE_FACTORS
from alc_experiments.pages.ablation_tables import (
    ablation_sections,
    agreement_sections,
    gamma_sections,
)
from alc_experiments.pages.check_tables import check_sections
from alc_experiments.pages.curve_tables import curve_sections
from alc_experiments.pages.method_tables import calibration_sections, method_sections
from alc_experiments.pages.paper import FIGURE6_SOURCE, TABLE1, TABLE2, TABLE3, TABLE4, Printed
from alc_experiments.pages.peer_tables import peer_sections
from alc_experiments.pages.run_notes import RunNote
from alc_experiments.pages.spread import Results
from alc_experiments.pages.table_parts import page
from napari_alc.project.reporting.report_tables import Table

Sections = Callable[[Results], Iterable[str | Table]]

_TEM = (
    "synthetic TEM images with deposits, {side} pixels wide, with the noise of a crowd in the "
    "labels of the training images"
)

DATA: Mapping[str, str] = {
    "bccd": "BCCD, blood cells, in its own split; the noise of a crowd is injected into the labels "
    "of the training images, tau is found on the validation images, the detectors are measured on "
    "the test images",
    "tem": _TEM.format(side=512),
    "tem2048": _TEM.format(side=2048),
    "tiny": "a few tiny synthetic images and trainings of a moment (`--quick`): its figures only "
    "show that everything runs",
}
"""Data sets in words, by their names."""


@dataclass(frozen=True)
class Sheet:
    """What is said about one CSV file.

    Parameters
    ----------
    title
        Of the page.
    shows
        What its figures are, in a sentence or two.
    data
        Name of the data set they are usually measured on.
    source
        Of the paper's figures; empty where there are none.
    sections
        What stands below the introduction.
    """

    title: str
    shows: str
    data: str
    source: str
    sections: Sections


_METHODS = (
    "Each method labels or trains in its own way on the same images, noisy labels, detector and "
    "seed; then the detector is measured on test images with clean labels."
)


CALIBRATION = "calibration_"
"""Begins the names of files on the noise; the name of the data set follows."""


def _calibration(words: str, data: str, printed: Printed) -> Sheet:
    """The sheet of a data set's noise."""
    return Sheet(
        f"Calibration of the noise: {words}",
        "The usual rates of the crowd's noise are multiplied by one factor, so that noise costs "
        "the detector about what it costs in the paper.",
        data,
        printed.source,
        lambda results: calibration_sections(results, printed, NOISE_FACTORS[data]),
    )


SHEETS: Mapping[str, Sheet] = {
    "table1": Sheet(
        "Table 1: all methods on synthetic TEM images",
        _METHODS + " The paper's figures are of its private images of electron dense deposits, "
        "so only the order of the methods can be compared.",
        "tem",
        TABLE1.source,
        lambda results: method_sections(results, TABLE1),
    ),
    "table1_2048": Sheet(
        "Table 1 at the size of a microscope's images",
        _METHODS + " Fewer and larger images than in Table 1; the paper's figures are those of "
        "its Table 1.",
        "tem2048",
        TABLE1.source,
        lambda results: method_sections(results, TABLE1),
    ),
    "table2": Sheet(
        "Table 2: all methods on BCCD",
        _METHODS,
        "bccd",
        TABLE2.source,
        lambda results: method_sections(results, TABLE2),
    ),
    "table3": Sheet(
        "Table 3: the box-in-box module",
        "The module drops a crowd box that covers more than gamma of a predicted box. *Time %* is "
        "the pathologist's reviewing time with the module in percent of that without.",
        "bccd",
        f"{TABLE3.source}, electron dense deposits",
        gamma_sections,
    ),
    "table4": Sheet(
        "Table 4: the model Ma",
        "With and without Ma: AP50 of the cleaning model Mp after the last iteration, and of the "
        "detector trained on the labels that were cleaned with it.",
        "bccd",
        f"{TABLE4.source}, electron dense deposits",
        agreement_sections,
    ),
    "ablations": Sheet(
        "Further ablations",
        "Step 2 without any person, and the other readings where the paper is silent, one at a "
        "time.",
        "bccd",
        "",
        ablation_sections,
    ),
    "figure6": Sheet(
        "Figure 6: which images to label next",
        "AP50 of both models on the test images when each strategy chooses the images of step 1. "
        "All strategies start from the same first images of their seed and take the same number "
        "in each iteration.",
        "bccd",
        f"{FIGURE6_SOURCE}, electron dense deposits",
        curve_sections,
    ),
    "peers": Sheet(
        "Peers: programs that find label errors",
        "How well the regions and scores of this method, cleanlab's ObjectLab and FiftyOne's "
        "mistakenness find the crowd's wrong boxes.",
        "bccd",
        "",
        peer_sections,
    ),
    "checks": Sheet(
        "Checks: why results are other than the paper's",
        "Two results on BCCD are looked into: that OA-MIL does not help, and Mao does; and that "
        "cleaned labels train as good a detector as clean ones.",
        "bccd",
        "",
        check_sections,
    ),
    f"{CALIBRATION}bccd": _calibration("BCCD", "bccd", TABLE2),
    f"{CALIBRATION}tem": _calibration("synthetic TEM images", "tem", TABLE1),
    f"{CALIBRATION}tem2048": _calibration("large synthetic TEM images", "tem2048", TABLE1),
}
"""Pages by the name of their CSV file, in the order in which they are read."""


def markdown(name: str, results: Results, run: RunNote) -> str:
    """The page of one table.

    Parameters
    ----------
    name
        One of `SHEETS`.
    results
        What its CSV file holds.
    run
        How it came about; empty parts are left out.
    """
    sheet = SHEETS[name]
    return page(sheet.title, sheet.shows, _facts(sheet, results, run), *sheet.sections(results))


def _facts(sheet: Sheet, results: Results, run: RunNote) -> str:
    """What is known of data, seeds, paper and run, a line each."""
    data = run.data or sheet.data
    facts = {
        "Data": DATA.get(data, data),
        "Seeds": f"{_listed(results.seeds)} (of the noise, the draws and the trainings)",
        "Values": SPREAD_WORDS,
        "Paper": sheet.source,
        **run.facts,
    }
    return "\n".join(f"- {name}: {fact}" for name, fact in facts.items() if fact)


SPREAD_WORDS = (
    "mean ± sample standard deviation over the seeds, whose number stands in each row; one seed "
    "has no ±, a dash means not measured"
)


def _listed(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, seeds))

"""The pages of the comparison's tables say what the figures say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invented_results import budget_rows, by_seed, cells, curve_rows, one_seed, printed_rows

from alc_experiments.figures import Figure, Seeded
from alc_experiments.pages import figure6
from alc_experiments.pages.paper import METHODS, TABLE2
from alc_experiments.pages.run_notes import RunNote, RunSession
from alc_experiments.pages.spread import Results
from alc_experiments.pages.tables import SHEETS, markdown

RUN = RunNote(
    "alc-experiments compare table2",
    {"python": "3.11.9", "torch": "2.6.0"},
    "CPU",
    5400.0,
    noise_factor=1.5,
    plan={"initial": 11, "per_iteration": 11, "iterations": 4},
    detector={"preset": "compact", "iterations": 300, "epochs": None, "threads": 1},
    images={"to clean": 205, "to measure detectors on": 72, "categories": 3},
    sessions=(RunSession(2760.0, 2), RunSession(70.0, 1)),
)
UNKNOWN_RUN = RunNote()


def page(name: str, *rows: Seeded, run: RunNote = UNKNOWN_RUN) -> str:
    return markdown(name, Results(rows), run)


def section(text: str, title: str) -> str:
    return text.split(f"# {title}", 1)[1].split("\n## ", 1)[0]


def test_a_row_has_the_mean_the_spread_and_the_paper_beside_it():
    text = page("table2", *by_seed("Ours", "AP50", 88.0, 89.0, 90.0))
    assert cells(text, "Ours")[:4] == ["Ours", "3", "89.00 ± 1.00", "88.63"]


def test_methods_stand_in_the_papers_order_measured_or_not_and_others_follow():
    text = page("table2", *one_seed("Later", AP50=1.0), *one_seed("Ours", AP50=2.0))
    main = section(text, "AP50, errors and budget")
    rows = [line.split(" | ")[0].strip("| ") for line in main.splitlines() if line[:2] == "| "]
    assert rows[2:] == [*METHODS, "Later"]
    assert cells(text, "OA-MIL")[1:4] == ["–", "–", "84.56"]
    assert cells(text, "Later")[1:4] == ["1", "1.00", "–"]


def test_the_share_of_clean_is_paired():
    rows = (*by_seed("Ours", "AP50", 40.0, 90.0), *by_seed("Clean", "AP50", 50.0, 100.0))
    assert cells(page("table2", *rows), "Ours")[4:6] == ["85.00 ± 7.07", "97.97"]


@settings(max_examples=20)
@given(data=st.data())
def test_the_order_of_the_file_leaves_no_trace(data):
    rng = np.random.default_rng(0)
    for name, rows in (
        ("table2", list(printed_rows(TABLE2, rng))),
        ("figure6", list(curve_rows(rng))),
    ):
        assert page(name, *data.draw(st.permutations(rows))) == page(name, *rows)


def test_columns_that_nobody_measured_are_left_out():
    text = page("table2", *one_seed("Ours", AP50=88.0))
    assert "Bkg |" not in text
    assert "Bkg | paper" in page("table2", *one_seed("Ours", AP50=88.0, Bkg=7.0))


def test_the_introduction_says_seeds_paper_and_run():
    text = page("table2", *by_seed("Ours", "AP50", 1.0, 2.0), run=RUN)
    for words in (
        "- Seeds: 0, 1 ",
        "- Paper: Tan, Liu, Zhang et al. 2026, Table 2",
        "- Command: `alc-experiments compare table2`",
        "- Versions: python 3.11.9, torch 2.6.0",
        "- Device: CPU",
        "- Computing time: 90 min, summed over the rows",
        "- Images: 205 to clean, 72 to measure detectors on, 3 categories",
        "- Noise: usual rates × 1.5: for each true box 0.225 on the background, 0.15 missed, ",
        "- Images of step 1: 11 at first, then 11 in each of 4 iterations",
        "- Detector: compact, 300 iterations a training (threads 1)",
        "- Wall time of the runs of the command: 46 min, 2 rows at a time; 70 s, one row at a time",
    ):
        assert words in text


def test_the_data_are_those_of_the_run():
    rows = one_seed("Ours", AP50=1.0)
    assert "- Data: BCCD" in page("table2", *rows)
    assert "- Data: a few tiny" in page("table2", *rows, run=RunNote(data="tiny"))


def test_what_is_not_known_of_the_run_is_left_out():
    text = page("table2", *one_seed("Ours", AP50=1.0))
    assert "Command" not in text
    assert "time" not in section(text, "Table 2")


def test_expectations_say_yes_no_and_when_the_seeds_leave_a_doubt():
    rows = (
        *by_seed("Clean", "AP50", 90.0, 90.2),
        *by_seed("Ours", "AP50", 90.0, 90.1),
        *by_seed("ALC", "AP50", 91.0, 91.2),
        *by_seed("Mao", "AP50", 90.9, 91.2),
        *one_seed("Noisy", AP50=80.0),
    )
    held = section(page("table2", *rows), "What was expected")
    assert cells(held, "Ours reaches the paper's share of Clean, 97.97 %")[-1] == "yes"
    assert cells(held, "AP50: Ours − ALC ≥ 0")[1:] == ["−1.05 ± 0.07", "+1.56", "no"]
    assert cells(held, "AP50: ALC − Mao ≥ 0")[-1] == "open, rather yes"
    assert cells(held, "AP50: Mao − Noisy ≥ 0")[1:] == ["+10.90", "+0.19", "yes, one seed only"]
    assert cells(held, "AP50: ALC − OA-MIL ≥ 0")[1:] == ["–", "+2.51", "not measured"]


def test_budgets_are_shown_in_all_parts_and_both_totals():
    text = page("table2", *budget_rows("Ours", 3.0, 31.0, 25.0, 26.0))
    parts = section(text, "The budget in its parts")
    assert cells(parts, "Ours")[2:] == ["3.00", "31.00", "25.00", "26.00", "60.00", "54.00"]


def test_the_accounting_nearest_to_the_papers_budget_is_named():
    text = page("table2", *budget_rows("Ours", 3.0, 26.0, 20.0, 26.0))
    assert "Nearest to it comes *without step 2, full price* with 29.00, 0.91 points away." in text
    assert "the paper prints 29.91" in text
    assert "(26.83) together make 30.26; it prints 30.26" in text
    ways = section(text, "Which accounting")
    assert cells(ways, "Ours")[2:] == ["55.00", "49.00", "29.00", "23.00", "29.91"]


def test_box_in_box_is_compared_with_the_module_off():
    rows = (
        *by_seed("off", "AP50", 80.0, 82.0),
        *by_seed("0.8", "AP50", 80.5, 82.5),
        *by_seed("0.8", "time_percent", 91.0, 93.0),
        *by_seed("0.8", "removed", 10, 13),
    )
    text = page("table3", *rows)
    assert cells(text, "0.8")[1:] == [
        *("2", "81.50 ± 1.41", "67.18", "92.00 ± 1.41", "90.96"),
        *("11.5 ± 2.1", "+0.50 ± 0.00"),
    ]
    assert cells(text, "0.7")[1:5] == ["–", "–", "67.18", "–"]


def test_ma_off_and_on_stand_below_each_other():
    rows = (
        *one_seed("Ma off", **{"AP50 cleaning model": 63.0, "AP50 after cleaning": 64.0}),
        *one_seed("Ma on", **{"AP50 cleaning model": 65.0, "AP50 after cleaning": 63.5}),
    )
    text = page("table4", *rows)
    assert cells(text, "Ma off")[2:] == ["63.00", "63.33", "64.00", "63.30", "+0.00", "+0.00"]
    assert cells(text, "Ma on")[2:] == ["65.00", "65.50", "63.50", "67.18", "+2.00", "−0.50"]


def test_what_the_review_adds_is_told_for_the_same_rounds_and_for_the_whole_method():
    rows = (
        *one_seed("automatic, 1 round", AP50=80.0, label_f1=0.7, budget=10.0),
        *one_seed("reviewed, 1 round", AP50=81.0, label_f1=0.9, budget=40.0),
        *one_seed("automatic, 5 rounds", AP50=86.0, label_f1=0.8, budget=35.0),
        *one_seed("reviewed, 5 rounds", AP50=85.0, label_f1=0.88, budget=65.0),
        *one_seed("default", AP50=85.0),
    )
    added = section(page("ablations", *rows), "What the review adds")
    assert cells(added, "automatic, 1 round")[2:] == [
        *("+1.00", "+0.200", "+30.00"),
        *("+5.00", "+0.180", "+55.00"),
    ]
    last = cells(added, "automatic, 5 rounds")[2:]
    assert last[:3] == last[3:] == ["−1.00", "+0.080", "+30.00"]
    assert "default" not in added.split("\n\n", 2)[2]


def test_readings_are_compared_with_the_default_seed_by_seed():
    rows = (*by_seed("default", "AP50", 80.0, 90.0), *by_seed("literal argmax", "AP50", 81.0, 91.0))
    text = section(page("ablations", *rows), "Readings")
    assert cells(text, "literal argmax")[2:] == ["86.00 ± 7.07", "+1.00 ± 0.00"]
    assert "## Step 2 without" not in page("ablations", *rows)


def test_a_calibration_shows_the_gap_that_each_factor_makes_and_the_papers():
    rows = (*by_seed("Clean", "AP50", 88.0, 90.0), *by_seed("Noisy × 1.5", "AP50", 80.0, 84.0))
    text = page("calibration_bccd", *rows)
    assert cells(text, "Noisy × 1.5")[1:] == ["2", "82.00 ± 2.83", "+7.00 ± 1.41", "+6.65"]
    assert cells(text, "Clean")[-1] == "–"
    assert "take the factor 1.2, which is not measured here." in text


@pytest.mark.parametrize(
    ("noisy", "words"), [(80.0, "3.35 points more than"), (84.0, "0.65 points less than")]
)
def test_a_calibration_tells_how_far_the_factor_of_the_tables_is_from_the_paper(noisy, words):
    rows = (*one_seed("Clean", AP50=90.0), *one_seed("Noisy × 1.2", AP50=noisy))
    assert f"factor 1.2: noise then costs {words} in the paper." in page("calibration_bccd", *rows)


@pytest.mark.parametrize(
    ("name", "words"), [("table2", "The two agree"), ("table1", "The two do not agree")]
)
def test_the_papers_own_accounting_is_told_for_what_it_is(name, words):
    assert words in page(name, *budget_rows("Ours", 3.0, 26.0, 20.0, 26.0))


def test_one_category_is_told_as_one():
    run = RunNote(images={"to clean": 24, "categories": 1})
    text = page("table2", *one_seed("Ours", AP50=1.0), run=run)
    assert "- Images: 24 to clean, 1 category\n" in text


@pytest.mark.parametrize(
    ("detector", "words"),
    [
        ({"preset": "compact"}, "compact, 600 iterations a training"),
        ({"preset": "compact", "epochs": 3}, "compact, 3 epochs a training"),
        ({"preset": "resnet50"}, "resnet50, 36 epochs, at least 1500 iterations a training"),
    ],
)
def test_the_length_of_a_training_is_told_even_where_it_is_the_usual_one(detector, words):
    text = page("table2", *one_seed("Ours", AP50=1.0), run=RunNote(detector=detector))
    assert f"- Detector: {words}\n" in text


def curve(strategy: str, *values: float) -> list[Seeded]:
    """AP50 of Mp at 11 and 22 images, two seeds of each."""
    places = [(count, seed) for count in (11, 22) for seed in (0, 1)]
    return [
        Seeded(Figure(strategy, "AP50 Mp", value, count), seed)
        for (count, seed), value in zip(places, values, strict=True)
    ]


def test_figure_6_is_told_in_numbers_with_the_gain_over_random():
    text = page("figure6", *curve("Random", 79, 79, 80, 82), *curve("Ours", 79, 79, 85, 87))
    assert "(figure6.png)" in text
    assert cells(text, "Ours")[1:] == ["2", "79.00 ± 0.00", "86.00 ± 1.41", "+5.00 ± 0.00", "+6.80"]
    assert cells(text, "LC")[2:] == ["–", "–", "–", "–"]
    assert "## Ma" not in text


def test_figure_6_tells_the_mean_gain_over_random_of_what_a_strategy_chose():
    random = [Seeded(Figure("Random", "AP50 Mp", 80.0, count), 0) for count in (11, 22, 33)]
    ours = [Seeded(Figure("Ours", "AP50 Mp", 80.0 + n, n * 11), 0) for n in (1, 2, 3)]
    assert cells(page("figure6", *random, *ours), "Ours")[5:7] == ["+2.50", "+3.00"]


def test_a_line_of_figure_6_says_how_many_of_its_seeds_are_measured(monkeypatch):
    monkeypatch.setattr(figure6, "as_png", lambda figure: figure)
    rows = (*curve("Random", 79, 79, 80, 82), *(r for r in curve("LC", 1, 2, 3, 4) if r.seed))
    [legend] = figure6.draw_figure6(Results(rows)).legends
    assert [text.get_text() for text in legend.get_texts()] == ["Random", "LC (1 of 2 seeds)"]


def test_peers_have_a_table_for_each_type_of_error_and_one_of_times():
    rows = [
        *one_seed("Ours", **{"AP miss": 0.9, "seconds per 1,000 images": 0.1}),
        *one_seed("ObjectLab", **{"AUROC background": 0.5, "seconds per 1,000 images": 8.0}),
    ]
    text = page("peers", *rows)
    assert cells(section(text, "Miss"), "Ours") == ["Ours", "1", "0.900"]
    assert "ObjectLab" not in section(text, "Miss")
    assert cells(section(text, "Background"), "ObjectLab") == ["ObjectLab", "1", "0.500"]
    assert cells(section(text, "Time"), "ObjectLab")[2:] == ["8.000", "80.0"]
    assert "## Location" not in text


def test_every_table_that_can_be_computed_has_a_page():
    from alc_experiments.runs.units import TABLES

    assert set(TABLES) <= set(SHEETS)

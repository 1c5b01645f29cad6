"""CSV files of a comparison with invented figures, for tests of what is made of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from alc_experiments.figures import Figure, Seeded, write_figures
from alc_experiments.pages.paper import FIGURE6_STRATEGIES, TABLE1, TABLE2, TABLE3, TABLE4, Printed
from alc_experiments.pages.peer_tables import ERRORS, MEASURES, SECONDS

SEEDS = (0, 1, 2)
INVENTED = ("table1", "table1_2048", "table2", "table3", "table4", "ablations", "figure6", "peers")
"""Tables that `write_all` writes."""

IMAGES = (11, 22, 33, 44, 55)


def write_all(folder: Path, seeds: tuple[int, ...] = SEEDS) -> None:
    """The CSV files of all tables."""
    rng = np.random.default_rng(2026)
    makers = (
        printed_rows(TABLE1, rng, seeds),
        printed_rows(TABLE1, rng, seeds),
        printed_rows(TABLE2, rng, seeds),
        printed_rows(TABLE3, rng, seeds),
        printed_rows(TABLE4, rng, seeds),
        ablation_rows(rng, seeds),
        curve_rows(rng, seeds),
        peer_rows(rng, seeds),
    )
    for name, rows in zip(INVENTED, makers, strict=True):
        write_figures(folder / f"{name}.csv", rows)


def printed_rows(
    printed: Printed, rng: np.random.Generator, seeds: tuple[int, ...] = SEEDS
) -> Iterator[Seeded]:
    """The paper's figures with a spread over seeds."""
    for method, values in printed.rows.items():
        for name, value in values.items():
            for seed in seeds:
                yield Seeded(Figure(method, name, float(value + rng.normal(0, 0.3))), seed)


def ablation_rows(rng: np.random.Generator, seeds: tuple[int, ...] = SEEDS) -> Iterator[Seeded]:
    rounds = ("1 round", "2 rounds", "3 rounds", "5 rounds")
    steps = [f"{name}, {count}" for count in rounds for name in ("automatic", "reviewed")]
    for method in (*steps, "default", "literal argmax"):
        for name, mean in (("AP50", 85), ("label_f1", 0.85), ("budget", 60)):
            for seed in seeds:
                yield Seeded(Figure(method, name, float(mean * rng.uniform(0.95, 1.05))), seed)


def budget_rows(
    method: str, crowd: float, step1: float, edits: float, step2: float
) -> list[Seeded]:
    parts = {
        "budget": crowd + step1 + step2,
        "budget_crowd": crowd,
        "budget_step1": step1,
        "budget_step1_edits": edits,
        "budget_step2": step2,
    }
    return [Seeded(Figure(method, name, value), 0) for name, value in parts.items()]


def curve_rows(rng: np.random.Generator, seeds: tuple[int, ...] = SEEDS) -> Iterator[Seeded]:
    for number, strategy in enumerate(FIGURE6_STRATEGIES):
        for seed in seeds:
            for count in IMAGES:
                value = 80 + 0.1 * count + 0.2 * number + float(rng.normal(0, 0.5))
                yield Seeded(Figure(strategy, "AP50 Mp", value, count), seed)
                yield Seeded(Figure(strategy, "AP50 Ma", value - 3, count), seed)


def peer_rows(rng: np.random.Generator, seeds: tuple[int, ...] = SEEDS) -> Iterator[Seeded]:
    names = [f"{measure} {error}" for error in ERRORS for measure in MEASURES]
    for method in ("Ours", "ObjectLab", "Mistakenness"):
        for seed in seeds:
            for name in (*names, SECONDS):
                yield Seeded(Figure(method, name, float(rng.uniform(0.1, 1))), seed)


def one_seed(method: str, **values: float) -> list[Seeded]:
    """Figures of a method with seed 0."""
    return [Seeded(Figure(method, name, value), 0) for name, value in values.items()]


def by_seed(method: str, name: str, *values: float) -> list[Seeded]:
    """A figure with the seeds 0, 1, …"""
    return [Seeded(Figure(method, name, value), seed) for seed, value in enumerate(values)]


def cells(text: str, row: str, number: int = 0) -> list[str]:
    """The cells of the n-th line of a page's tables that begins with `row`."""
    lines = [line for line in text.splitlines() if line.startswith(f"| {row} |")]
    return [cell.strip() for cell in lines[number].strip("|").split("|")]

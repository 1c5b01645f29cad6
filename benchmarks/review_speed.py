"""How fast the review page is, measured in the real window on a virtual display.

    python benchmarks/review_speed.py [--json] [--quick] [--only PART ...]

Each part makes its own project of 2048×2048 16-bit images, opens napari with the plugin in a
process of its own and works with real key events. The last line printed is one JSON
object; `--json` prints nothing else. About ten minutes; `--quick` shows in one, and in one
window, that everything runs; its figures mean nothing.

next_image_ratio   done-and-next until the next image is drawn with its 200 boxes, over napari's
                   own time for the same pixels and boxes in place. At most 1.15.
decision_ms_200    one decision (stored, recoloured, next current box) until drawn, less napari's
decision_ms_1000   own time for the same change, on 200 and 1,000 boxes. At most 10 and 15 ms.
until_drawn_ratio  the same decision until drawn, over napari's own time. At most 1.1.
gap_p99_ratio      99th percentile of the event loop's gaps while a detector is trained, over the
                   same without. At most 1.3.
open_seconds       a project of 10,000 images and 150,000 boxes until its first image is drawn
                   with its boxes. At most 3 s.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from review_projects import Plan, make_project
from virtual_display import SIZE, virtual_display

from napari_alc.detection.settings import DetectorSettings

if TYPE_CHECKING:
    from review_window import Window

Found = dict[str, object]

TARGETS = {
    "next_image_ratio": 1.15,
    "decision_ms_200": 10.0,
    "decision_ms_1000": 15.0,
    "until_drawn_ratio_200": 1.1,
    "until_drawn_ratio_1000": 1.1,
    "gap_p99_ratio": 1.3,
    "open_seconds": 3.0,
}

PACKAGES = ("napari", "numpy", "sqlalchemy", "vispy", "qtpy")


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Parameters
    ----------
    side
        Width and height of the images in pixels.
    few, many
        Boxes of an image.
    images, decisions
        Measurements that are counted.
    warm_up
        Measurements of each kind that are not counted, before them.
    seconds
        Of each turn of watching the event loop.
    rounds
        Turns without and with a training.
    training_side
        Width and height of the images that are trained on.
    large
        The project that is opened.
    window
        Width and height of the window in pixels.
    """

    side: int
    few: int
    many: int
    images: int
    decisions: int
    warm_up: int
    seconds: float
    rounds: int
    training_side: int
    large: Plan
    window: tuple[int, int]


FULL = Scale(2048, 200, 1000, 24, 60, 2, 20, 3, 512, Plan(10_000, 15, 2048, done=2_000), SIZE)
QUICK = Scale(256, 20, 40, 1, 1, 1, 0.5, 1, 128, Plan(40, 15, 256, done=10), (960, 540))


@dataclass(frozen=True)
class Part:
    """What is measured in one go.

    Parameters
    ----------
    prepare
        Makes what is opened, in a folder of the part's own, before there is a window.
    measure
        Measures it in a window, with what `prepare` has returned.
    """

    prepare: Callable[[Path, Scale], Any]
    measure: Callable[[Window, Any, Scale], Found]


def _waiting_images(folder: Path, scale: Scale) -> Path:
    return make_project(folder, Plan(scale.images + scale.warm_up + 2, scale.few, scale.side))


def next_image(window: Window, project: Path, scale: Scale) -> Found:
    from review_drawing import next_images

    return next_images(window, project, scale.images, scale.warm_up)


def decision_part(name: str, boxes_of: Callable[[Scale], int]) -> Part:
    """One decision on an image of so many boxes."""

    def prepare(folder: Path, scale: Scale) -> Path:
        return make_project(folder, Plan(2, boxes_of(scale), scale.side))

    def measure(window: Window, project: Path, scale: Scale) -> Found:
        from review_drawing import decisions

        found = decisions(window, project, scale.decisions, scale.warm_up)
        figures = {
            f"{figure}_{name}": found.pop(figure) for figure in ("decision_ms", "until_drawn_ratio")
        }
        return {**figures, f"decision_{name}": found}

    return Part(prepare, measure)


def _beside_a_training(folder: Path, scale: Scale) -> tuple[Path, Path]:
    from review_waiting import make_training_project

    review = make_project(folder / "review", Plan(2 * scale.rounds + 1, scale.few, scale.side))
    return review, make_training_project(folder / "training", scale.training_side)


def training(window: Window, projects: tuple[Path, Path], scale: Scale) -> Found:
    from review_waiting import gaps

    return gaps(window, *projects, scale.seconds, scale.rounds)


def _large_project(folder: Path, scale: Scale) -> Path:
    return make_project(folder, scale.large)


def opening(window: Window, project: Path, scale: Scale) -> Found:  # noqa: ARG001
    from review_waiting import opening

    return opening(window, project)


PARTS: Mapping[str, Part] = {
    "next-image": Part(_waiting_images, next_image),
    "decision-200": decision_part("200", lambda scale: scale.few),
    "decision-1000": decision_part("1000", lambda scale: scale.many),
    "training": Part(_beside_a_training, training),
    "opening": Part(_large_project, opening),
}


def measure(parts: Sequence[str], is_quick: bool) -> Found:
    """Run parts in a process of their own."""
    arguments = ["--part", *parts, *(["--quick"] if is_quick else [])]
    run = subprocess.run(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    if run.returncode:
        raise SystemExit(f"{', '.join(parts)}: this has failed.")
    return dict(json.loads(run.stdout.splitlines()[-1]))


def run_parts(parts: Sequence[str], scale: Scale) -> None:
    if scale is QUICK:
        from ordinary_jobs import let_jobs_be_ordinary

        let_jobs_be_ordinary()
    from review_window import opened_window

    found: Found = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        made = {part: PARTS[part].prepare(Path(folder) / part, scale) for part in parts}
        with opened_window(scale.window) as window:
            for part in parts:
                found |= PARTS[part].measure(window, made[part], scale)
    print(json.dumps(found))


def surroundings(display: str) -> Found:
    system = f"{platform.system()} {platform.machine()}"
    found: Found = {
        "machine": f"{os.cpu_count()} cores, {system}, Python {platform.python_version()}",
        "display": display,
        "versions": {name: version(name) for name in PACKAGES},
        "training_threads": DetectorSettings().threads or os.environ.get("OMP_NUM_THREADS", "all"),
    }
    if hasattr(os, "getloadavg"):
        found["load_average"] = [round(load, 1) for load in os.getloadavg()]
    return found


def told(found: Found) -> str:
    """The figures as a table."""
    lines = [f"{'':22}{'measured':>10}{'at most':>10}"]
    for name, most in TARGETS.items():
        if name in found:
            lines.append(f"{name:22}{found[name]!s:>10}{most:>10}")
    return "\n".join(lines)


def chosen(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time the review page.")
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    parser.add_argument("--quick", action="store_true", help="tiny, to see that everything runs")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS))
    parser.add_argument("--part", choices=PARTS, nargs="+", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main() -> None:
    options = chosen()
    if options.part:
        run_parts(options.part, QUICK if options.quick else FULL)
        return
    found: Found = {}
    with virtual_display() as display:
        for parts in [options.only] if options.quick else [[part] for part in options.only]:
            if not options.json:
                print(f"measuring: {', '.join(parts)}", flush=True)
            found |= measure(parts, options.quick)
    figures = {name: found.pop(name) for name in TARGETS if name in found}
    found = {**figures, "quick": options.quick, **found, **surroundings(display)}
    if not options.json:
        print(told(found))
    print(json.dumps(found))


if __name__ == "__main__":
    main()

"""How the steps of an iteration grow with the number of images.

    python benchmarks/scale.py [--images N ...] [--json]

Makes, for each N (20,000 where none is given), a project of N images of 2048×2048 16-bit pixels,
which are a few pictures under many names, with 8 crowd boxes an image. Then, each in a process
of its own: makes the project, trains both detectors for two iterations, lets them look at 32
images, invents what they would find in the others, selects the next images, and opens the
project at the page Iterate in napari's window on a virtual display.

The last line printed is one JSON object; `--json` prints nothing else. About 15 minutes for
20,000 images.

create_s     from the crowd's labels to a project on disk
predict_s    what `predict` takes once every image has been looked at (tau, bookkeeping)
images_per_s images of the 32 that one detector looks at in a second
select_s     sorting, ranking and handing out the next images
open_s       from choosing the project until the page Iterate is drawn
peak_mb      the most memory that any of these processes held

With several N the object holds a list, ``sizes``, and at its top the figures of the largest.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil
from review_projects import CATEGORIES, Plan, invented, truth_of, write_images
from virtual_display import virtual_display

from napari_alc.detection.settings import DetectorSettings
from napari_alc.formats.coco import read_coco, write_coco
from napari_alc.labels import ImageRecord, LabelSet, numbered
from napari_alc.project.label_sets import remaining_images
from napari_alc.project.project import MODELS, Project
from napari_alc.project.settings import MethodSettings
from napari_alc.project.steps.create import CreateOptions, Sources, create_project
from napari_alc.project.steps.predict import predict, predict_images
from napari_alc.project.steps.select import select
from napari_alc.project.steps.train import train
from napari_alc.project.storage.prediction_files import IMAGES_A_PIECE, fingerprint, save_piece

Found = dict[str, float]

PER_IMAGE = 8
INITIAL = 8
LOOKED_AT = 32
METHOD = MethodSettings(initial=INITIAL, per_iteration=40, iterations=4, tau=0.5)
DETECTOR = DetectorSettings(preset="compact", iterations=2, input_size=320, threads=1)

CROWD, PROJECT = "crowd.json", "project"
SHIFT = 4.0
"""Pixels by which the models' boxes lie beside the true ones."""


def draw(folder: Path, plan: Plan) -> None:
    """Write images and the crowd's labels."""
    (folder / "images").mkdir(parents=True)
    names = write_images(folder / "images", plan)
    records = tuple(ImageRecord(i, n, plan.side, plan.side) for i, n in enumerate(names, 1))
    crowd = invented("crowd", *truth_of(plan), 0.0)
    columns = crowd.image_ids.tolist(), crowd.category_ids.tolist(), crowd.boxes
    write_coco(folder / CROWD, LabelSet(records, CATEGORIES, numbered(*columns)))


def create(folder: Path, plan: Plan) -> Found:
    start = time.perf_counter()
    crowd = read_coco(folder / CROWD).label_set
    known = crowd.of_images(range(1, INITIAL + 1))
    sources = Sources(folder / "images", crowd, folder / CROWD, known, clean_use="initial")
    project = create_project(folder / PROJECT, sources, CreateOptions(METHOD, DETECTOR))
    spent = time.perf_counter() - start
    assert len(project.images()) == plan.images
    project.close()
    return {"create_s": spent}


def look(folder: Path, plan: Plan) -> Found:
    """Train for a moment, look at a few images, and invent what is seen in the others."""
    project = Project.open(folder / PROJECT)
    train(project, device="cpu")
    remaining = remaining_images(project, 0)
    start = time.perf_counter()
    predict_images(project, 0, MODELS[0], "looked-at", remaining[:LOOKED_AT], device="cpu")
    each = (time.perf_counter() - start) / LOOKED_AT
    for model, shift in zip(MODELS, (SHIFT, -SHIFT), strict=True):
        _invent(project, model, [image.id for image in remaining], plan, shift)
    start = time.perf_counter()
    predict(project, device="cpu")
    spent = time.perf_counter() - start
    project.close()
    return {"images_per_s": 1 / each, "predict_s": spent}


def _invent(project: Project, model: str, ids: Sequence[int], plan: Plan, shift: float) -> None:
    found = invented(model, *truth_of(plan), shift)
    folder = project.run_folder(0, model)
    maker = fingerprint(folder / "weights.pt")
    for number, start in enumerate(range(0, len(ids), IMAGES_A_PIECE)):
        piece = ids[start : start + IMAGES_A_PIECE]
        path = folder / "detections" / "remaining" / f"piece-{number:06d}.npz"
        save_piece(path, found.of_images(piece), maker, piece)


def choose(folder: Path, plan: Plan) -> Found:  # noqa: ARG001
    project = Project.open(folder / PROJECT)
    start = time.perf_counter()
    chosen = select(project)
    spent = time.perf_counter() - start
    assert len(chosen) == METHOD.per_iteration
    project.close()
    return {"select_s": spent}


def show(folder: Path, plan: Plan) -> Found:
    """Open the project in napari, and turn to the page Iterate."""
    from review_window import opened_window
    from virtual_display import SIZE

    with opened_window(SIZE) as window:
        page = window.widget.iterate_page
        start = time.perf_counter()
        if not window.widget.open_project(folder / PROJECT):
            raise SystemExit(window.widget.project_page.error.text())
        tabs = window.widget.tabs
        tabs.setCurrentIndex(1)
        page.grab()
        window.milliseconds(lambda: None)
        spent = time.perf_counter() - start
        assert page.isVisible()
        project = window.widget.project
        assert project is not None
        with project.store.transaction() as unit:
            assert len(unit.rankings.images(0)) == plan.images - INITIAL
    return {"open_s": spent}


PARTS: Mapping[str, Callable[[Path, Plan], Found]] = {
    "create": create,
    "look": look,
    "select": choose,
    "show": show,
}


def measure(images: int, side: int, is_quiet: bool) -> Found:
    """Every part at one size, each in a process of its own."""
    found: Found = {"images": images}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        draw(Path(folder) / "data", Plan(images, PER_IMAGE, side))
        for part in PARTS:
            if not is_quiet:
                print(f"{images:,} images: {part}", flush=True)
            found |= _in_its_own_process(part, folder, images, side)
    return found


def _in_its_own_process(part: str, folder: str, images: int, side: int) -> Found:
    arguments = ["--part", part, "--folder", f"{folder}/data", "--side", str(side)]
    run = subprocess.run(
        [sys.executable, __file__, *arguments, "--images", str(images)],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    if run.returncode:
        raise SystemExit(f"The part {part} has failed.")
    return dict(json.loads(run.stdout.splitlines()[-1]))


def peak_mb() -> float:
    """The most memory that this process held, in MB."""
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset / 2**20)
    import resource

    # Linux counts kilobytes, macOS bytes
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def together(sizes: Sequence[Found]) -> dict[str, object]:
    """The figures of the largest size first, and the list of all where there are several."""
    rounded = [{name: round(value, 3) for name, value in found.items()} for found in sizes]
    for found in rounded:
        found["peak_mb"] = max(found[f"{part}_peak_mb"] for part in PARTS)
    largest: dict[str, object] = dict(max(rounded, key=lambda found: found["images"]))
    return largest | ({"sizes": rounded} if len(rounded) > 1 else {})


def chosen(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time the steps at the scale of a large lab.")
    parser.add_argument("--images", type=int, nargs="+", default=[20_000])
    parser.add_argument("--side", type=int, default=2048, help="width and height in pixels")
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main() -> None:
    options = chosen()
    if options.part:
        plan = Plan(options.images[0], PER_IMAGE, options.side)
        found = PARTS[options.part](options.folder, plan)
        print(json.dumps(found | {f"{options.part}_peak_mb": peak_mb()}))
        return
    with virtual_display():
        sizes = [measure(images, options.side, options.json) for images in options.images]
    print(json.dumps(together(sizes)))


if __name__ == "__main__":
    main()

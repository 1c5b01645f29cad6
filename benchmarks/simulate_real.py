"""The whole method on real images, through the program's own commands, several seeds.

    python benchmarks/simulate_real.py bccd --seeds 0 1 2 --out /tmp/bccd
    python benchmarks/simulate_real.py stem --seeds 0 --out /tmp/stem

A seed is that of the injected crowd noise, of the draw and of the trainings. Seeds run one
after the other, one thread each; a run that was stopped goes on. Prints a table (mean and
standard deviation over the seeds) and one JSON object last.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Case:
    """What is run: label files made from the data, the image folder, options of `simulate`."""

    prepare: Callable[[Path, Path], dict[str, Path]]
    images: str
    options: tuple[str, ...]


def main() -> None:
    arguments = _arguments()
    case = CASES[arguments.case]
    data = _data() / ("bccd" if arguments.case == "bccd" else "stem-nanoparticles")
    arguments.out.mkdir(parents=True, exist_ok=True)
    files = case.prepare(data, arguments.out)
    reports = []
    for seed in arguments.seeds:
        started = time.perf_counter()
        peak = _simulate(case, data, files, arguments.out, seed, arguments.recipe)
        report = json.loads((_project(arguments.out, seed) / "exports/report.json").read_text())
        reports.append({"seed": seed, "report": report, "peak_mb": peak})
        print(f"seed {seed}: {time.perf_counter() - started:.0f} s, {peak:.0f} MB", file=sys.stderr)
    summary = summarise([entry["report"] for entry in reports])
    print(table(summary))
    print(
        json.dumps(
            {"seeds": arguments.seeds, "peak_mb": [r["peak_mb"] for r in reports], **summary}
        )
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("case", choices=sorted(CASES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", type=int, choices=(1, 2), default=1, help="of the detector")
    return parser.parse_args()


def _data() -> Path:
    folder = Path(os.environ.get("NAPARI_ALC_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        sys.exit(f"The real images are not at {folder}: set NAPARI_ALC_DATA to their folder.")
    return folder


def _command(*arguments: object, env: dict[str, str] | None = None) -> float:
    """Run one command of the program; returns the largest resident memory in MB."""
    call = [sys.executable, "-m", "napari_alc", *map(str, arguments)]
    child = subprocess.Popen(call, env={**os.environ, **(env or {})})
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"'{' '.join(call[2:])}' failed.")
    return usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def prepare_bccd(data: Path, out: Path) -> dict[str, Path]:
    """The data set's own split as COCO files."""
    files = {}
    for split in ("train", "val", "test"):
        files[split] = out / f"{split}.json"
        stems = data / "ImageSets" / "Main" / f"{split}.txt"
        _command("convert", data / "Annotations", files[split], "--subset", stems)
    return files


def prepare_stem(data: Path, out: Path) -> dict[str, Path]:
    """Every third image, by name, is a test image."""
    names = sorted(path.stem for path in (data / "images").iterdir())
    parts = {"test": names[::3], "train": [n for n in names if n not in names[::3]]}
    files = {}
    for split, stems in parts.items():
        files[split] = out / f"{split}.json"
        listing = out / f"{split}.txt"
        listing.write_text("\n".join(stems) + "\n")
        _command(
            "convert", data / "labels", files[split], "--images", data / "images",
            "--subset", listing,
        )  # fmt: skip
    return files


CASES = {
    "bccd": Case(
        prepare_bccd,
        "JPEGImages",
        ("--initial", "11", "--per-iteration", "11", "--iterations", "4"),
    ),
    "stem": Case(
        prepare_stem,
        "images",
        ("--initial", "2", "--per-iteration", "2", "--iterations", "2", "--set", "iterations=300"),
    ),
}


def _project(out: Path, seed: int) -> Path:
    return out / f"seed{seed}"


def _simulate(
    case: Case, data: Path, files: dict[str, Path], out: Path, seed: int, recipe: int
) -> float:
    crowd = out / f"crowd{seed}.json"
    if not crowd.exists():
        _command("add-noise", "--labels", files["train"], "--output", crowd, "--seed", seed)
    extra = ["--validation", files["val"]] if "val" in files else []
    return _command(
        "simulate", _project(out, seed), "--images", data / case.images, "--crowd", crowd,
        "--truth", files["train"], "--test", files["test"], *extra, *case.options,
        "--set", "threads=1", "--set", f"recipe={recipe}", "--seed", seed, "--progress", "none",
        env={"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def summarise(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation of every figure over the seeds."""
    detectors = {
        name: {
            figure: _spread([_figure(report["detectors"][name], figure) for report in reports])
            for figure in ("AP50", "Bkg", "Miss", "Loc", "Cls", "Dupe", "Both")
        }
        for name in ("noisy", "ours", "clean")
    }
    iterations = [
        {
            "images": rows[0]["images"],
            "tau": _spread([row["tau"] for row in rows]),
            **{
                model: _spread([row["models"][model]["AP50"] for row in rows])
                for model in ("mp", "ma")
            },
            "label_f1": _spread([row["labels"]["f1"] for row in rows]),
            "budget": _spread([row["budget"]["total"] for row in rows]),
        }
        for rows in zip(*(report["iterations"] for report in reports), strict=True)
    ]
    parts = ("crowd_part", "step1_part", "step1_edit_part", "step2_part", "total", "edit_total")
    noise = ("clean", "location", "box_in_box", "background", "miss", "precision", "recall", "f1")
    return {
        "detectors": detectors,
        "iterations": iterations,
        "budget": {part: _spread([report["budget"][part] for report in reports]) for part in parts},
        "labels": {
            name: {
                kind: _spread([report["labels"][name][kind] for report in reports])
                for kind in noise
            }
            for name in ("crowd", "clean")
        },
    }


def _figure(record: dict[str, Any], name: str) -> float:
    return float(record["AP50"] if name == "AP50" else record["TIDE"][name])


def _spread(values: Sequence[float]) -> tuple[float, float]:
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def table(summary: dict[str, Any]) -> str:
    """All figures as Markdown."""
    lines = ["| trained on | AP50 | Bkg | Miss | Loc | Cls | Dupe | Both |", "|---" * 8 + "|"]
    for name, figures in summary["detectors"].items():
        lines.append(f"| {name} | " + " | ".join(_text(v, 2) for v in figures.values()) + " |")
    lines += ["", "| images | tau | AP50 Mp | AP50 Ma | label F1 | budget % |", "|---" * 6 + "|"]
    for row in summary["iterations"]:
        cells = (
            str(row["images"]), _text(row["tau"], 2), _text(row["mp"], 1), _text(row["ma"], 1),
            _text(row["label_f1"], 3), _text(row["budget"], 1),
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| " + " | ".join(summary["budget"]) + " |", "|---" * 6 + "|"]
    lines.append("| " + " | ".join(_text(v, 2) for v in summary["budget"].values()) + " |")
    lines += ["", "| labels | " + " | ".join(summary["labels"]["crowd"]) + " |", "|---" * 9 + "|"]
    for name, noise in summary["labels"].items():
        cells = (_text(v, 3 if k in ("precision", "recall", "f1") else 0) for k, v in noise.items())
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _text(value: tuple[float, float], digits: int) -> str:
    return f"{value[0]:.{digits}f} ± {value[1]:.{digits}f}"


if __name__ == "__main__":
    main()

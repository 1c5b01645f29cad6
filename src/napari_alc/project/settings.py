"""The settings of a project, kept in ``project.toml`` where a person can read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.exceptions import TOMLKitError

from napari_alc.cleaning.budget import Costs
from napari_alc.cleaning.matching import Matching
from napari_alc.cleaning.regions import GrayWithoutMp, GreenArgmax, Thresholds
from napari_alc.cleaning.selection import STRATEGIES
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import AlcError, BadData
from napari_alc.files import write_text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FORMAT = 1
"""Version of the project folder's layout; a program refuses a newer one."""

SETTINGS_FILE = "project.toml"

LARGEST_SEED = 2**32 - 1
"""All generators of random numbers take seeds up to here."""

Section = TypeVar("Section", bound="DataclassInstance")


@dataclass(frozen=True)
class MethodSettings:
    """The numbers of the method (section "The two steps" of the paper).

    Parameters
    ----------
    initial
        |X^0|, images drawn at random for the pathologists.
    per_iteration
        k, images selected in each iteration.
    iterations
        g, iterations after the initial draw.
    strategy
        Name of the selection strategy; ``"score"`` is the paper's Eq. 2.
    iou, gamma, delta
        Thresholds in 0–1 of matching, of the box-in-box module (Eq. 3) and of the
        consensus (Eq. 1).
    tau
        Score threshold on predictions in 0–1; below 0 it is found on the validation
        images (F1-optimal), or 0.5 where there are none.
    seed
        Seed of the initial draw, of ties in the ranking and of the trainings.
    matching, gray_without_mp, green_argmax, green_score_from_all
        Readings where the paper is silent, see `napari_alc.cleaning.regions.Thresholds`.
    """

    initial: int = 40
    per_iteration: int = 40
    iterations: int = 4
    strategy: str = "score"
    iou: float = 0.5
    gamma: float = 0.8
    delta: float = 0.5
    tau: float = -1.0
    seed: int = 0
    matching: Matching = "existential"
    gray_without_mp: GrayWithoutMp = "ma"
    green_argmax: GreenArgmax = "overlapping"
    green_score_from_all: bool = True

    def __post_init__(self) -> None:
        if self.initial < 1 or self.per_iteration < 1 or self.iterations < 0:
            raise ValueError(
                "initial and per_iteration must be 1 or more, iterations must be 0 or more"
            )
        if self.strategy not in STRATEGIES:
            raise ValueError(
                f"strategy '{self.strategy}' is unknown; choose from {', '.join(STRATEGIES)}"
            )
        if not self.tau <= 1:
            raise ValueError("tau must be at most 1")
        if not 0 <= self.seed <= LARGEST_SEED:
            raise ValueError(f"seed must lie in 0–{LARGEST_SEED}")
        self.thresholds(0.5)

    def thresholds(self, tau: float) -> Thresholds:
        """The thresholds of the LSM with score threshold `tau`."""
        return Thresholds(
            iou=self.iou,
            gamma=self.gamma,
            score=tau,
            delta=self.delta,
            green_score_from_all=self.green_score_from_all,
            matching=self.matching,
            gray_without_mp=self.gray_without_mp,
            green_argmax=self.green_argmax,
        )


@dataclass(frozen=True)
class ProjectSettings:
    """Everything that a project is told once and that its steps follow.

    Parameters
    ----------
    images
        The image folder, relative to the project's folder where possible.
    database
        SQLAlchemy URL of the store; empty for ``project.db`` in the project's folder.
    method, costs
        Numbers of the method and of the budget.
    detector
        Settings of the detector as plain values (see `napari_alc.detection.settings`).
    cluster
        Address of the Dask scheduler that trains and predicts, such as
        ``tcp://host:8786``; empty for this computer.
    """

    images: str
    database: str = ""
    method: MethodSettings = field(default_factory=MethodSettings)
    costs: Costs = field(default_factory=Costs)
    detector: Mapping[str, object] = field(default_factory=dict)
    cluster: str = ""


def write_settings(folder: Path, settings: ProjectSettings) -> None:
    """Write ``project.toml`` into `folder`."""
    document = tomlkit.document()
    document["format"] = FORMAT
    document["images"] = settings.images
    document["database"] = settings.database
    document["method"] = asdict(settings.method)
    document["costs"] = asdict(settings.costs)
    document["detector"] = {k: v for k, v in settings.detector.items() if v is not None}
    document["cluster"] = {"address": settings.cluster}
    write_text(folder / SETTINGS_FILE, tomlkit.dumps(document))


def read_settings(folder: Path) -> ProjectSettings:
    """Read ``project.toml`` of the project in `folder`.

    Raises
    ------
    BadData
        When there is no project, it was made by a newer program, or a value is wrong.
    """
    path = folder / SETTINGS_FILE
    return _settings(path, _read_toml(path))


def change_settings(
    folder: Path,
    *,
    method: Mapping[str, object] | None = None,
    detector: Mapping[str, object] | None = None,
    cluster: str | None = None,
) -> ProjectSettings:
    """Change single values in ``project.toml``; its other lines, comments and order stay.

    Parameters
    ----------
    folder
        The project's folder.
    method, detector
        New values by name; None takes a line away, so that the default (or the preset's own
        value) holds again.
    cluster
        The scheduler's new address; empty for none.

    Returns
    -------
    ProjectSettings
        What the file says now.

    Raises
    ------
    BadData
        When the file cannot be used as it was found.
    AlcError
        When a new value is wrong; nothing is written then.
    """
    path = folder / SETTINGS_FILE
    document = _read_toml(path)
    _settings(path, document)
    _change_table(document, "method", method or {})
    _change_table(document, "detector", detector or {})
    _change_table(document, "cluster", {} if cluster is None else {"address": cluster})
    try:
        settings = _settings(path, document)
    except BadData as refused:
        raise AlcError(f"{refused.problem}.") from refused
    write_text(path, tomlkit.dumps(document))
    return settings


def _change_table(document: TOMLDocument, name: str, values: Mapping[str, object]) -> None:
    if not values:
        return
    if name not in document:
        document[name] = tomlkit.table()
    table = _table(Path(SETTINGS_FILE), name, document[name])
    for key, value in values.items():
        if value is not None:
            table[key] = value
        else:
            table.pop(key, None)


def _settings(path: Path, document: TOMLDocument) -> ProjectSettings:
    values: dict[str, object] = document.unwrap()
    made_with = values.get("format")
    if type(made_with) is not int or made_with < 1:
        raise BadData(
            path, "is no project's settings ('format' is missing or no number)", "Restore it"
        )
    if made_with > FORMAT:
        raise BadData(
            path,
            f"the project was made by a newer napari-alc (format {made_with}, known: {FORMAT})",
            "Update napari-alc to open it",
        )
    return ProjectSettings(
        images=_text(path, values, "images"),
        database=_text(path, values, "database", ""),
        method=_section(path, "method", MethodSettings, values.get("method", {})),
        costs=_section(path, "costs", Costs, values.get("costs", {})),
        detector=_detector(path, _table(path, "detector", values.get("detector", {}))),
        cluster=_cluster(path, _table(path, "cluster", values.get("cluster", {}))),
    )


def _read_toml(path: Path) -> TOMLDocument:
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadData(
            path.parent,
            "there is no napari-alc project here (project.toml is missing)",
            "Choose a project's folder, or make one with 'napari-alc create'",
        ) from None
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise BadData(
            path, f"cannot be read ({error})", "Restore it from a copy or correct the line named"
        ) from error


def _text(path: Path, values: Mapping[str, object], key: str, default: str | None = None) -> str:
    value = values.get(key, default)
    if not isinstance(value, str):
        raise BadData(path, f"'{key}' is missing or no text", f'Set {key} = "…" in the file')
    return value


def _table(path: Path, name: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise BadData(path, f"'{name}' is no section", f"Write its values under a line [{name}]")
    return value


def _detector(path: Path, values: dict[str, object]) -> dict[str, object]:
    try:
        DetectorSettings.from_json(values)
    except AlcError as error:
        raise BadData(path, f"[detector]: {error}".rstrip("."), "Correct the line") from error
    return values


def _cluster(path: Path, values: dict[str, object]) -> str:
    unknown = sorted(set(values) - {"address"})
    if unknown:
        raise BadData(path, f"[cluster] has an unknown setting '{unknown[0]}'", "Remove the line")
    return _text(path, values, "address", "").strip()


def _section(path: Path, name: str, kind: type[Section], value: object) -> Section:
    table = _table(path, name, value)
    known = {f.name: f for f in fields(kind)}
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise BadData(path, f"[{name}] has an unknown setting '{unknown[0]}'", "Remove the line")
    for key, given in table.items():
        _require_kind(path, f"[{name}] {key}", given, known[key].default)
    try:
        return kind(**table)
    except (TypeError, ValueError) as error:
        raise BadData(path, f"[{name}] holds a wrong value: {error}", "Correct the line") from error


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def _require_kind(path: Path, where: str, given: object, default: object) -> None:
    """Refuse a value of another kind than the setting's default; whole numbers are numbers."""
    kind = type(default)
    fits = type(given) is kind or (kind is float and type(given) is int)
    if not fits or (isinstance(given, float) and not isfinite(given)):
        raise BadData(path, f"{where} is {given!r}, not {_KINDS[kind]}", "Correct the line")

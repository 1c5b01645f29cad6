"""The settings of a project, kept in ``project.toml`` where a person can read them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import tomlkit
from pydantic import AfterValidator, Field, StringConstraints, ValidationError
from tomlkit import TOMLDocument
from tomlkit.exceptions import TOMLKitError

from napari_alc.cleaning.budget import Costs
from napari_alc.cleaning.matching import Matching
from napari_alc.cleaning.regions import GrayWithoutMp, GreenArgmax, Thresholds
from napari_alc.cleaning.selection import STRATEGIES
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import AlcError, BadData
from napari_alc.files import write_text
from napari_alc.settings_model import Number, Positive, SettingsModel, Share, bad_settings

FORMAT = 1
"""Version of the project folder's layout; a program refuses a newer one."""

SETTINGS_FILE = "project.toml"

LARGEST_SEED = 2**32 - 1
"""All generators of random numbers take seeds up to here."""


def _known_strategy(name: str) -> str:
    # Looked up when a value is checked: plug-ins and tests may add strategies.
    if name not in STRATEGIES:
        raise ValueError(f"one of {', '.join(STRATEGIES)}")
    return name


class MethodSettings(SettingsModel):
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

    initial: Positive = 40
    per_iteration: Positive = 40
    iterations: Annotated[int, Field(ge=0)] = 4
    strategy: Annotated[str, AfterValidator(_known_strategy)] = "score"
    iou: Share = 0.5
    gamma: Share = 0.8
    delta: Share = 0.5
    tau: Annotated[Number, Field(le=1)] = -1.0
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 0
    matching: Matching = "existential"
    gray_without_mp: GrayWithoutMp = "ma"
    green_argmax: GreenArgmax = "overlapping"
    green_score_from_all: bool = True

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


class CostSettings(SettingsModel):
    """The prices of the budget, see `napari_alc.cleaning.budget.Costs`."""

    crowd: Annotated[Number, Field(ge=0)] = 1.0
    pathologist: Annotated[Number, Field(gt=0)] = 10.0
    readers: Positive = 3

    @property
    def prices(self) -> Costs:
        """As the budget takes them."""
        return Costs(self.crowd, self.pathologist, self.readers)


class ClusterSettings(SettingsModel):
    """Who else computes: the Dask scheduler at an address such as ``tcp://host:8786``.

    Empty for this computer.
    """

    address: Annotated[str, StringConstraints(strip_whitespace=True)] = ""


class ProjectSettings(SettingsModel):
    """Everything that a project is told once and that its steps follow.

    The image folder is relative to the project's folder where possible. The database is an
    SQLAlchemy URL; empty for ``project.db`` in the project's folder. The detector is as the file
    describes it; the steps take `seeded_detector`.
    """

    images: str
    database: str = ""
    method: MethodSettings = MethodSettings()
    costs: CostSettings = CostSettings()
    detector: DetectorSettings = DetectorSettings()
    cluster: ClusterSettings = ClusterSettings()

    @property
    def in_force(self) -> dict[str, dict[str, Any]]:
        """Every number that holds, defaults too, for reports and data sheets."""
        return {
            "method": self.method.model_dump(),
            "costs": self.costs.model_dump(),
            "detector": self.seeded_detector.in_force,
        }

    @property
    def seeded_detector(self) -> DetectorSettings:
        """The detector as it is trained: with the method's seed unless it has one of its own."""
        if "seed" in self.detector.model_fields_set:
            return self.detector
        return self.detector.changed(seed=self.method.seed)


def write_settings(folder: Path, settings: ProjectSettings) -> None:
    """Write ``project.toml`` into `folder`."""
    document = tomlkit.document()
    document["format"] = FORMAT
    document["images"] = settings.images
    document["database"] = settings.database
    document["method"] = settings.method.model_dump()
    document["costs"] = settings.costs.model_dump()
    # Only what was chosen: what is left out follows the preset, also in later versions.
    document["detector"] = settings.detector.given
    document["cluster"] = settings.cluster.model_dump()
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

    None in `method` or `detector` takes a line away, so that the default (or the preset's own
    value) holds again. An empty `cluster` is none. Returns what the file says now.

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
    table: Any = document[name]
    for key, value in values.items():
        if value is not None:
            table[key] = value
        else:
            table.pop(key, None)


def _settings(path: Path, document: TOMLDocument) -> ProjectSettings:
    values: dict[str, object] = document.unwrap()
    made_with = values.pop("format", None)
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
    try:
        return ProjectSettings.model_validate(values)
    except ValidationError as error:
        raise bad_settings(path, error) from error


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

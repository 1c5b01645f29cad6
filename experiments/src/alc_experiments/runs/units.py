"""What there is to compute: tables, their rows, and from what a row is made.

A row is a method of a table on data with noise and trainings of one seed. The functions that
compute rows lie in ``UNITS`` of the modules named here, imported only when a row is wanted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from importlib import import_module

from alc_experiments.code_version import code_version, module_version
from alc_experiments.data import NOISE_FACTORS
from alc_experiments.dataset import Dataset
from alc_experiments.experiment import Experiment, digest
from alc_experiments.figures import Figure
from napari_alc.errors import AlcError
from napari_alc.labels import LabelSet

Compute = Callable[[Experiment], list[Figure]]

PACKAGE = "alc_experiments"

COMPUTING = (
    "napari_alc.boxes",
    "napari_alc.labels",
    "napari_alc.cleaning",
    "napari_alc.evaluation",
    "napari_alc.simulation",
    "napari_alc.detection",
    "napari_alc.formats.images",
    "napari_alc.project.reporting.report_tables",
)
"""Parts of the program on which every row depends, beside `PACKAGE`'s own modules."""

QUICK = "tiny"
"""Data for a quick look at whether everything runs."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A row of a table for one seed.

    Parameters
    ----------
    module
        Full name of the module whose ``UNITS`` computes it.
    name
        Its key there.
    data
        Name of the data set.
    seed
        Of the noise, the draws and the trainings.
    factor
        By which the usual rates of noise are multiplied.
    """

    module: str
    name: str
    data: str
    seed: int
    factor: float

    @property
    def words(self) -> str:
        """Such as ``"Ours on bccd, seed 0"``."""
        usual = self.factor == NOISE_FACTORS[self.data]
        noise = "" if usual else f" with noise × {self.factor:g}"
        return f"{self.name} on {self.data}{noise}, seed {self.seed}"

    @property
    def compute(self) -> Compute:
        """The function that computes it."""
        return registry(self.module)[self.name]


@dataclass(frozen=True)
class ResultTable:
    """A file of figures.

    Parameters
    ----------
    name
        Of the file, without its ending.
    data
        Name of the data set.
    module
        Full name of the module whose ``UNITS`` are its rows.
    only
        Keys of those that belong to it; all where empty.
    """

    name: str
    data: str
    module: str
    only: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Its rows, in order."""
        return self.only or tuple(registry(self.module))

    def units(self, seeds: Iterable[int]) -> Iterator[Unit]:
        """Rows for each seed; seeds of one row follow each other, since they share nothing."""
        factor = NOISE_FACTORS[self.data]
        wanted = tuple(seeds)
        for name in self.names:
            for seed in wanted:
                yield Unit(self.module, name, self.data, seed, factor)

    def quick(self) -> ResultTable:
        """The same rows on tiny data."""
        return replace(self, data=QUICK)


METHODS, ABLATIONS = f"{PACKAGE}.methods", f"{PACKAGE}.ablations"
STRATEGIES, PEERS = f"{PACKAGE}.strategies", f"{PACKAGE}.peers"
CHECKS = f"{PACKAGE}.checks"

TABLES: Mapping[str, ResultTable] = {
    table.name: table
    for table in (
        ResultTable("table1", "tem", METHODS),
        ResultTable("table2", "bccd", METHODS),
        ResultTable("table3", "bccd", ABLATIONS, ("table3",)),
        ResultTable("table4", "bccd", ABLATIONS, ("table4",)),
        ResultTable("ablations", "bccd", ABLATIONS, ("automatic", "readings")),
        ResultTable("figure6", "bccd", STRATEGIES),
        ResultTable("peers", "bccd", PEERS),
        ResultTable("checks", "bccd", CHECKS),
        ResultTable("table1_2048", "tem2048", METHODS),
    )
}
"""Every table, by the name of its file."""


def registry(module: str) -> Mapping[str, Compute]:
    """The functions that compute rows, by their names."""
    units: Mapping[str, Compute] = import_module(module).UNITS
    return units


def choose(
    tables: Iterable[ResultTable], seeds: Iterable[int], methods: Iterable[str] = ()
) -> tuple[Unit, ...]:
    """The rows of `tables`, each once; only those named in `methods` where any is.

    Raises
    ------
    AlcError
        When a name in `methods` is no row of the tables.
    """
    units = dict.fromkeys(unit for table in tables for unit in table.units(tuple(seeds)))
    known = dict.fromkeys(unit.name for unit in units)
    wanted = tuple(methods) or tuple(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise AlcError(f"'{unknown[0]}' is in none of the tables; there are: {', '.join(known)}.")
    return tuple(unit for unit in units if unit.name in wanted)


def code_now(module: str) -> str:
    """A digest of the code, as it lies on disk now, that computes the rows of `module`."""
    return code_version.__wrapped__(*COMPUTING) + module_version(module)


def row_digest(unit: Unit, experiment: Experiment, code: str) -> str:
    """A name for all that decides a row.

    Parameters
    ----------
    unit
        Which row.
    experiment
        With its data and seed.
    code
        Of `code_now`.
    """
    return digest(
        unit.module,
        unit.name,
        str(unit.seed),
        data_digest(experiment.data),
        json.dumps(experiment.settings.deciding, sort_keys=True),
        code,
    )


def data_digest(data: Dataset) -> str:
    """A name for the labels of all parts and the plan; pixels count by their images' sizes."""
    found = hashlib.sha256(json.dumps([data.name, asdict(data.plan)]).encode())
    for part in (data.truth, data.crowd, data.validation, data.test):
        for chunk in _chunks(part) if part else ():
            found.update(chunk)
    return found.hexdigest()


def _chunks(part: LabelSet) -> Iterator[bytes]:
    names = [[asdict(image) for image in part.images], [asdict(kind) for kind in part.categories]]
    yield json.dumps(names).encode()
    labels = part.labels
    for column in (labels.ids, labels.image_ids, labels.category_ids, labels.boxes):
        yield column.tobytes()

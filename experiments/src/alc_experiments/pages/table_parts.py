"""Tables of measured figures with the paper's beside them, in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from alc_experiments.pages.paper import Printed
from alc_experiments.pages.spread import BySeed, Results, difference, words_of
from napari_alc.project.reporting.report_tables import Table
from napari_alc.wording import UNKNOWN

PAPER = "paper"
"""Head of a column of the paper's figures; it stands behind the column that it belongs to."""


@dataclass(frozen=True)
class Column:
    """One measured quantity.

    Parameters
    ----------
    name
        Its head.
    values
        Its values by seed, of the results and the name of a row.
    digits
        After the decimal point.
    signed
        Whether a positive value has a plus sign.
    paper
        The paper's figure of a row; None where the paper has no such column.
    """

    name: str
    values: Callable[[Results, str], BySeed]
    digits: int = 2
    signed: bool = False
    paper: Callable[[str], float | None] | None = None


def metric(name: str, head: str = "", digits: int = 2, printed: Printed | None = None) -> Column:
    """A column that stands in the file as it is."""
    paper = (lambda row: printed.value(row, name)) if printed else None
    return Column(
        head or name, lambda results, row: results.values(row, name), digits, False, paper
    )


def change(name: str, default: str, head: str = "", digits: int = 2) -> Column:
    """A metric's paired difference to the row `default`."""
    return Column(
        head or name, lambda results, row: changed(results, row, name, default), digits, True
    )


def changed(results: Results, row: str, name: str, default: str) -> BySeed:
    """A metric of a row minus that of another, seed by seed."""
    return difference(results.values(row, name), results.values(default, name))


def table(
    results: Results, rows: Sequence[str], columns: Iterable[Column], first: str = "method"
) -> Table:
    """A line a row, with the number of its seeds; columns without any figure are left out."""
    shown = [column for column in columns if any(column.values(results, row) for row in rows)]
    head = [first, "seeds"]
    for column in shown:
        head += [column.name, PAPER] if column.paper else [column.name]
    lines = tuple((row, _count(results, row), *_cells(results, row, shown)) for row in rows)
    return Table(tuple(head), lines)


def section(
    title: str,
    results: Results,
    rows: Sequence[str],
    columns: Sequence[Column],
    words: str = "",
    first: str = "method",
) -> Iterator[str | Table]:
    """A heading, words and a table; nothing where nothing was measured."""
    if any(column.values(results, row) for column in columns for row in rows):
        yield f"## {title}"
        yield words
        yield table(results, rows, columns, first)


def _count(results: Results, row: str) -> str:
    return str(len(results.seeds_of(row)) or UNKNOWN)


def _cells(results: Results, row: str, columns: Sequence[Column]) -> Iterator[str]:
    for column in columns:
        yield words_of(column.values(results, row), column.digits, column.signed)
        if column.paper:
            yield printed_words(column.paper(row), column.digits, column.signed)


def printed_words(value: float | None, digits: int = 2, signed: bool = False) -> str:
    """A figure of the paper; a dash where it has none."""
    if value is None:
        return UNKNOWN
    return words_of({0: value}, digits, signed)


def ordered(results: Results, known: Iterable[str]) -> tuple[str, ...]:
    """Rows that are known in their order, measured or not, then others as the file has them."""
    return tuple(dict.fromkeys((*known, *results.methods)))


def page(title: str, *blocks: str | Table) -> str:
    """A document in Markdown."""
    texts = (block if isinstance(block, str) else block.markdown() for block in blocks)
    return "\n\n".join([f"# {title}", *filter(None, texts)]) + "\n"

"""From parsed JSON to columns: type checks that run over whole columns at C speed."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import orjson
from numpy.typing import NDArray

from napari_alc.boxes import Boxes, Floats, Integers
from napari_alc.errors import BadData, unreadable

Record = dict[str, Any]
Number = TypeVar("Number", np.int64, np.float64)

LONGEST_QUOTE = 60
"""Characters of a wrong value that an error repeats."""

_SURROGATE = re.compile("[\ud800-\udfff]")

_NAMES = {int: "a whole number", float: "a number", str: "a text", list: "a list"}


def quoted(value: object) -> str:
    """`value` as an error shows it: on one line, and short."""
    text = repr(value)
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"


@contextmanager
def collector_paused() -> Iterator[None]:
    """Stop the cyclic garbage collector while millions of records are made and dropped.

    Each of its passes walks all of them and finds nothing, as parsed JSON has no cycles.
    """
    was_running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_running:
            gc.enable()


def read_bytes(path: Path) -> bytes:
    """The content of a file that must be there and not be empty."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    if not content.strip():
        raise BadData(path, "is empty", "Give a complete file")
    return content


def load_json(path: Path) -> object:
    """Parse a JSON file.

    What the fast parser refuses goes to Python's own, which also takes the ``NaN`` that
    Python programs write, so that the record which holds it can be named.

    Raises
    ------
    BadData
        For a missing, empty, truncated, binary or otherwise unreadable file.
    """
    content = read_bytes(path)
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        pass
    try:
        return cast("object", json.loads(content))
    except (ValueError, RecursionError) as error:
        raise BadData(
            path, f"is not valid JSON ({error})", "The file may be cut off; write or copy it again"
        ) from error


def record_list(path: Path, values: object, name: str) -> list[Record]:
    """`values` as the list of JSON objects that it must be."""
    if not isinstance(values, list):
        raise BadData(
            path, f"'{name}' is {quoted(values)}, not a list", "Give a file in COCO's format"
        )
    _require_types(path, values, name, None, (dict,))
    return values


def _require_types(
    path: Path, values: Sequence[object], name: str, key: str | None, types: tuple[type, ...]
) -> None:
    # `type`, not `isinstance`: JSON's true and false are Python's ints otherwise.
    if set(map(type, values)).issubset(types):
        return
    position, value = next((i, v) for i, v in enumerate(values) if type(v) not in types)
    what = f"'{key}' is {quoted(value)}" if key else f"is {quoted(value)}"
    wanted = _NAMES.get(types[-1], "a JSON object")
    raise _wrong_record(path, f"{name}[{position}]: {what}, not {wanted}")


def _wrong_record(path: Path, problem: str) -> BadData:
    return BadData(path, problem, "Correct this record")


def column(path: Path, records: Sequence[Record], name: str, key: str, *types: type) -> list[Any]:
    """The value of `key` of every record, all present and of one of `types`."""
    try:
        values = list(map(itemgetter(key), records))
    except KeyError as error:
        position = next(i for i, record in enumerate(records) if key not in record)
        raise BadData(
            path, f"{name}[{position}] has no '{key}'", "Add it, or leave the record out"
        ) from error
    _require_types(path, values, name, key, types)
    return values


def texts(path: Path, records: Sequence[Record], name: str, key: str) -> list[str]:
    """A column of texts, shape (N,), that can be written again as UTF-8."""
    values = column(path, records, name, key, str)
    try:
        "".join(values).encode("utf-8")
    except UnicodeEncodeError as error:
        position = next(i for i, v in enumerate(values) if _SURROGATE.search(v))
        what = f"{quoted(values[position])}, which is not valid text"
        raise _wrong_record(path, f"{name}[{position}]: '{key}' is {what}") from error
    return values


def integers(path: Path, records: Sequence[Record], name: str, key: str) -> Integers:
    """A column of whole numbers, shape (N,)."""
    return _array(path, column(path, records, name, key, int), np.int64, name, key)


def numbers(path: Path, records: Sequence[Record], name: str, key: str) -> Floats:
    """A column of numbers, shape (N,); they may still be NaN or infinite."""
    return _array(path, column(path, records, name, key, int, float), np.float64, name, key)


def _array(
    path: Path, values: Sequence[Any], kind: type[Number], name: str, key: str
) -> NDArray[Number]:
    try:
        return np.fromiter(values, kind, len(values))
    except OverflowError as error:
        position = int(np.argmax([abs(value) for value in values]))
        what = f"{quoted(values[position])}, which is too large"
        raise _wrong_record(path, f"{name}[{position}]: '{key}' is {what}") from error


def quadruples(path: Path, records: Sequence[Record], name: str, key: str) -> Boxes:
    """A column of lists of four numbers, shape (N, 4); they may still be NaN or infinite."""
    rows = column(path, records, name, key, list)
    if not set(map(len, rows)).issubset({4}):
        position, row = next((i, row) for i, row in enumerate(rows) if len(row) != 4)
        raise _wrong_record(path, f"{name}[{position}]: '{key}' is {quoted(row)}, not four numbers")
    # One flat list is checked and converted in C; row by row a million boxes take seconds.
    flat = list(chain.from_iterable(rows))
    if not set(map(type, flat)).issubset({int, float}):
        wrong = next(i for i, value in enumerate(flat) if type(value) not in (int, float))
        _require_types(path, rows[wrong // 4], f"{name}[{wrong // 4}].{key}", None, (int, float))
    return _array(path, flat, np.float64, name, f"{key} (number)").reshape(-1, 4)

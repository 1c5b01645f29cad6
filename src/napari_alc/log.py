"""The program's log: what a report of a fault needs; nothing in it tells of a person or an image.

Modules log through ``logging.getLogger(__name__)``. Of the values that they pass on, only numbers
and text that stands in the program's own source reach the file: names of persons, images and
folders come from elsewhere, so nobody has to think of them (`masked`). All processes of a user
write to one file, each line with its process number.
"""

from __future__ import annotations

import logging
import os
import platform
import re
import sqlite3
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from itertools import groupby
from logging.handlers import RotatingFileHandler
from pathlib import Path
from traceback import walk_tb
from types import CodeType, TracebackType
from typing import TextIO

import platformdirs
from filelock import FileLock, Timeout

from napari_alc import __version__
from napari_alc.errors import AlcError, BadData, Cancelled

PACKAGE = __name__.partition(".")[0]

MAX_BYTES, KEPT_FILES = 1_000_000, 3
"""Of one file, and how many older ones are kept beside it."""

LOCK_SECONDS = 1.0
"""How long a line waits for other processes; then it is written all the same."""

MOST_FRAMES = 40
"""Of a traceback, from its end."""

HIDDEN = "…"
"""Stands for text that is not the program's own."""

SUFFIX = re.compile(r"\.(csv|db|jpe?g|jsonl?|np[yz]|png|pt|tiff?|toml|txt|xml|ya?ml|zip)")
"""All that is told of a file's name."""

PLAIN_ERRORS = (AttributeError, IndexError, MemoryError, RuntimeError, sqlite3.Error, TypeError)
"""Errors of Python and libraries whose words name types, sizes and devices, not their contents."""

FILE_NAME = re.compile(r"[/\\\n\"]|\.[^\W\d]")
"""What words of such an error must not hold: a path, a suffix, a quotation."""

_logger = logging.getLogger(__name__)


class Plain(str):
    """Text that is logged as it is, such as the version of a library."""

    __slots__ = ()


def log_file() -> Path | None:
    """Where the log is written; None where this user has no folder for it."""
    with suppress(OSError, RuntimeError):
        folder = platformdirs.user_log_path("napari-alc", appauthor=False)
        # Without HOME and without an entry in passwd the name begins with a bare "~".
        return folder / "napari-alc.log" if folder.is_absolute() else None
    return None


def start(verbose: bool = False) -> None:
    """Write to the log from now on, unhandled errors too; what cannot be written is left out.

    With `verbose` to standard error as well.
    """
    root = logging.getLogger(PACKAGE)
    # Others may listen to the same logger: only handlers of ours say that it was started.
    if not any(isinstance(handler, _SharedFile | logging.NullHandler) for handler in root.handlers):
        root.setLevel(logging.INFO)
        root.propagate = False  # A library's handler would write to the standard error of a step.
        file = log_file()
        root.addHandler(_SharedFile(file) if file else logging.NullHandler())
        _record_unhandled()
        system = Plain(platform.platform())
        python = Plain(platform.python_version())
        _logger.info("napari-alc %s, Python %s, %s", Plain(__version__), python, system)
    if verbose and not any(isinstance(handler, _StandardError) for handler in root.handlers):
        root.addHandler(_StandardError())


class recorded:  # noqa: N801
    """A block whose beginning, end, refusal or cancellation is logged, with its duration.

    `name` says what is done, in the program's own words.
    """

    def __init__(self, name: str) -> None:
        self._name = Plain(name)
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.monotonic()
        _logger.info("%s: begun", self._name)

    def __exit__(
        self, _kind: object, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        seconds = time.monotonic() - self._began
        if error is None or (isinstance(error, SystemExit) and not error.code):
            _logger.info("%s: done after %.1f s%s", self._name, seconds, _torch())
        elif isinstance(error, Cancelled | KeyboardInterrupt):
            _logger.info("%s: cancelled after %.1f s%s", self._name, seconds, _torch())
        elif isinstance(error, AlcError):
            where = Plain(_place(error))
            _logger.warning(
                "%s: refused after %.1f s, at %s: %s", self._name, seconds, where, error
            )
        else:
            _logger.error("%s: failed after %.1f s%s", self._name, seconds, _torch())


def _torch() -> Plain:
    """The version of torch where something has imported it: that takes seconds."""
    torch = sys.modules.get("torch")
    return Plain(f", torch {torch.__version__}" if torch else "")


def _record_unhandled() -> None:
    """Log what ends the program or a thread, before whoever tells it to the user."""
    tell_user, tell_of_thread = sys.excepthook, threading.excepthook

    def of_program(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            _logger.critical("unhandled error", exc_info=(kind, error, trace))
        tell_user(kind, error, trace)

    def of_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            _logger.critical("unhandled error in a thread", exc_info=args.exc_value)
        tell_of_thread(args)

    sys.excepthook, threading.excepthook = of_program, of_thread


class _Formatter(logging.Formatter):
    """Writes lines of which nothing but the program's own text, and numbers, can be read."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        args = record.args if isinstance(record.args, tuple) else ()
        shown = {"args": tuple(map(_shown, args)), "exc_text": None}
        return super().format(logging.makeLogRecord({**vars(record), **shown}))

    def formatException(  # noqa: N802
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, ...]
    ) -> str:
        return "\n".join(_traceback(ei[1])) if isinstance(ei[1], BaseException) else ""


class _SharedFile(RotatingFileHandler):
    """A file that several processes write to and rotate.

    It is open for one line only, under a lock: Windows renames no file that anybody has open, and
    a process that rotated alone would leave others writing to the file that was put aside.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(file, "a", MAX_BYTES, KEPT_FILES, encoding="utf-8", delay=True)
        self.setFormatter(_Formatter())
        self._together = FileLock(f"{file}.lock")

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or nothing: a full disk or a missing folder must not stop any work."""
        with suppress(OSError, RuntimeError):
            Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
            try:
                with self._together.acquire(timeout=LOCK_SECONDS):
                    super().emit(record)
            except Timeout:  # Rather a line in the wrong place than none.
                logging.FileHandler.emit(self, record)
            self._close_file()

    def doRollover(self) -> None:  # noqa: N802
        """Put the file aside, unless somebody has it open: then it grows until the next line."""
        with suppress(OSError):
            super().doRollover()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002
        """Say nothing."""
        self._close_file()

    def _close_file(self) -> None:
        stream: TextIO | None = self.stream
        if stream is not None:
            with suppress(OSError):  # What a full disk did not take is tried again here.
                stream.close()
            self.stream = None


class _StandardError(logging.Handler):
    """Writes to whatever standard error is at the time."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(_Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            sys.stderr.write(f"{self.format(record)}\n")


def _shown(value: object) -> object:
    """What is logged of a value."""
    if isinstance(value, Plain | bool | int | float) or value is None:
        return value
    if isinstance(value, BaseException):
        return _described(value)
    if isinstance(value, Path):
        return HIDDEN + _suffix(value)
    return masked(str(value))


def masked(text: str) -> str:
    """`text` without what does not stand in the program's own source.

    A text that stands there as a whole is kept; of any other, the phrases of two words and more.
    """
    whole, phrases = _own_text(_modules())
    if text in whole:
        return text
    is_own = bytearray(len(text))
    for phrase in phrases:
        at = text.find(phrase)
        while at >= 0:
            is_own[at : at + len(phrase)] = b"\1" * len(phrase)
            at = text.find(phrase, at + 1)
    return "".join(_kept(text, is_own))


def _kept(text: str, is_own: bytearray) -> Iterator[str]:
    for own, letters in groupby(zip(is_own, text, strict=True), key=lambda pair: pair[0]):
        words = "".join(letter for _, letter in letters)
        if own or not re.search(r"\w", words):
            yield words
        else:  # The spaces around what is hidden are kept.
            yield re.sub(r"\S.*\S|\S", HIDDEN, words, flags=re.DOTALL)


def _modules() -> frozenset[str]:
    return frozenset(
        name for name in list(sys.modules) if name == PACKAGE or name.startswith(f"{PACKAGE}.")
    )


@cache
def _own_text(modules: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """All text in some modules' source, and its phrases of at least two words."""
    whole = frozenset(text for name in modules for text in _text_of(name))
    pieces = (piece.strip() for text in whole for piece in re.split(r"\{\w*\}|%[-.\d]*\w", text))
    return whole, frozenset(piece for piece in pieces if re.search(r"\w\s+\w", piece))


@cache
def _text_of(module: str) -> frozenset[str]:
    spec = getattr(sys.modules.get(module), "__spec__", None)
    try:
        code = spec.loader.get_code(module)  # type: ignore[union-attr]
    except (AttributeError, ImportError, OSError):  # Not made from a file.
        return frozenset()
    return frozenset(_constants(code))


def _constants(code: CodeType | Iterable[object]) -> Iterator[str]:
    for constant in code.co_consts if isinstance(code, CodeType) else code:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, CodeType | tuple | frozenset):
            yield from _constants(constant)


def _described(error: BaseException) -> str:
    """The words of an error, as far as they tell of nobody."""
    if isinstance(error, BadData):
        return f"{HIDDEN}{_suffix(error.where)}: {masked(error.problem)}. {masked(error.remedy)}"
    if isinstance(error, OSError) and error.errno:
        name = error.filename
        return f"{os.strerror(error.errno)} {_suffix(Path(name)) if isinstance(name, str) else ''}"
    text = str(error)
    if isinstance(error, PLAIN_ERRORS) and not FILE_NAME.search(text):
        return text
    return masked(text)


def _suffix(path: Path) -> str:
    return path.suffix.lower() if SUFFIX.fullmatch(path.suffix.lower()) else ""


def _traceback(error: BaseException) -> Iterator[str]:
    """Where an error and those before it come from, without the lines of source."""
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in chain:
        chain.append(one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    for part in reversed(chain):
        yield from _frames(part)[-MOST_FRAMES:]
        yield f"{type(part).__name__}: {_described(part)}"


def _frames(error: BaseException) -> list[str]:
    frames = ((frame.f_code, line) for frame, line in walk_tb(error.__traceback__))
    return [f"  {_source(code)}:{line}" for code, line in frames]


def _place(error: BaseException) -> str:
    """Where an error was raised."""
    return next(reversed(_frames(error)), HIDDEN).strip()


def _source(code: CodeType) -> str:
    """A function by its file in the program, a library or Python; no other is named."""
    path = Path(code.co_filename)
    libraries = [Path(root) for root in sys.path if root.endswith("-packages")]
    for root in (*libraries, Path(os.__file__).parent, Path(__file__).parents[1]):
        if path.is_relative_to(root):
            file = path.relative_to(root)
            if root != Path(__file__).parents[1] or file.parts[0] == PACKAGE:
                return f"{file.as_posix()} {code.co_name}"
    return HIDDEN

"""The log: what a report of a fault needs, nothing of persons and images, and never in the way."""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from napari_alc import log
from napari_alc.boxes import areas
from napari_alc.errors import AlcError, BadData, Cancelled
from napari_alc.execution import outcome
from napari_alc.log import Plain, masked, recorded
from program import Program
from tiny_projects import make_project

PERSON, FOLDER, IMAGE = "Anna Beispiel", "Study of Anna", "Mueller_1980 left"
SECRETS = ("Anna", "Beispiel", "Study", "Mueller", "1980", "left", "4711", "beispiel-pc", "home")

NAMELESS = logging.getLogger("napari_alc.test")


@pytest.fixture
def started(tmp_path, monkeypatch):
    """The log in a folder of its own; returns its text so far."""
    root = logging.getLogger("napari_alc")
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "propagate", root.propagate)
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    monkeypatch.setattr(log, "log_file", lambda: tmp_path / "log" / "napari-alc.log")
    # napari's fixtures turn all values into text before anybody sees them.
    factory = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    log.start()
    yield lambda: (tmp_path / "log" / "napari-alc.log").read_text(encoding="utf-8")
    logging.setLogRecordFactory(factory)


@pytest.fixture
def program(monkeypatch, capsys):
    return Program(monkeypatch, capsys)


def raised(error):
    with suppress(type(error)):
        raise error
    return error


def test_versions_and_a_process_number_come_first(started):
    first = started().splitlines()[0]
    assert f" {os.getpid()} INFO " in first
    assert "napari-alc " in first
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}" in first


def test_who_listens_to_the_same_logger_does_not_keep_the_log_from_starting(started):
    logging.getLogger("napari_alc").handlers[:] = [logging.StreamHandler()]
    log.start()
    assert len(logging.getLogger("napari_alc").handlers) == 2
    log.start()
    assert len(logging.getLogger("napari_alc").handlers) == 2
    assert started().count("INFO napari_alc.log: napari-alc ") == 2


def test_a_command_is_logged_with_its_duration(started, program, tmp_path):
    with closing(make_project(tmp_path)) as project:
        assert program("jobs", project.folder).status == 0
    begun, done = started().splitlines()[-2:]
    assert begun.endswith("jobs: begun")
    assert "jobs: done after " in done
    assert done.split(", torch")[0].endswith(" s")


def test_a_refusal_is_logged_in_the_programs_words_without_the_folder(started, program, tmp_path):
    folder = tmp_path / FOLDER
    assert program("status", folder).complaint.startswith(str(folder))
    line = started().splitlines()[-1]
    assert "WARNING napari_alc.log: status: refused after" in line
    assert "at napari_alc/project/settings.py " in line
    assert "there is no napari-alc project here" in line
    assert not any(secret in line for secret in (*SECRETS, str(tmp_path)))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Cancelled("train"), "cancelled after"),
        (KeyboardInterrupt(), "cancelled after"),
        (SystemExit(0), "done after"),
        (SystemExit(1), "failed after"),
        (ValueError(PERSON), "failed after"),
    ],
)
def test_how_a_step_ends(started, error, said):
    with pytest.raises(type(error)), recorded("train"):
        raise error
    assert f"train: {said} " in started().splitlines()[-1]


def test_verbose_writes_the_same_to_standard_error(started, program, tmp_path):
    assert program("status", tmp_path).err.count("\n") == 1
    *told, complaint = program("--verbose", "status", tmp_path).err.splitlines()
    assert told == started().splitlines()[-2:]
    assert complaint.startswith("napari-alc: ")


ERRORS = [
    AlcError(f"{PERSON} works on it."),
    BadData(f"/home/anna/{FOLDER}/{IMAGE}.TIF", f"has a box of {PERSON}", f"Ask {PERSON}"),
    BadData(Path("C:\\Users") / FOLDER / f"{IMAGE}.{PERSON}", "is damaged", "Bring it back"),
    FileNotFoundError(2, "No such file or directory", f"/home/anna/{FOLDER}/{IMAGE}.png"),
    KeyError(PERSON),
    ValueError(f"4711 is no box of {IMAGE}"),
    RuntimeError(f"/home/anna/{FOLDER} does not exist"),
    RuntimeError(f"{IMAGE}.tif cannot be read"),
    UnicodeDecodeError("utf-8", IMAGE.encode(), 0, 1, PERSON),
    ExceptionGroup(PERSON, [ValueError(IMAGE)]),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_no_error_brings_a_name_into_the_log(started, error):
    with pytest.raises(type(error)), recorded("train"):
        raise error
    NAMELESS.error("it went wrong", exc_info=raised(error))
    try:
        raise error
    except type(error):
        with suppress(RuntimeError):
            raise RuntimeError("in its turn") from error
    assert type(error).__name__ in started() or "refused" in started()
    assert not any(secret in started() for secret in SECRETS)


@pytest.mark.parametrize(
    "value",
    [
        PERSON,
        Path("/home/anna") / FOLDER / IMAGE,
        [PERSON],
        {"person": PERSON},
        np.full((2, 4), 4711),
        b"4711",
        (f"{IMAGE}.tif", (4711.5, 0.0)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_value_brings_a_name_a_box_or_a_pixel_into_the_log(started, value):
    NAMELESS.info("opened %s of %s", value, value)
    assert "opened …" in started()
    assert not any(secret in started() for secret in SECRETS)


def test_what_helps_to_find_a_fault_is_kept(started):
    NAMELESS.info("%s after %d images, %.1f s", Plain("torch 2.10.0"), 7, 1.25)
    NAMELESS.error("it went wrong", exc_info=raised(IndexError("index 5 is out of bounds")))
    assert "torch 2.10.0 after 7 images, 1.2 s" in started()
    assert started().splitlines()[-2].startswith("  …:"), "a function that is not the program's"
    try:
        areas(np.zeros(4))
    except IndexError:
        NAMELESS.exception("it went wrong")
    assert "  napari_alc/boxes.py areas:" in started()
    assert "IndexError: index 5 is out of bounds" in started().splitlines()


def test_a_file_is_told_by_its_kind_alone():
    missing = BadData(f"/home/anna/{IMAGE}.TIF", "the image is not there any more", PERSON)
    assert log._described(missing).startswith("….tif: the image is not there any more. …")
    assert log._described(BadData(f"/x/a.{PERSON}", "", "")).startswith("…: ")


def test_the_programs_own_words_are_kept_around_what_comes_from_elsewhere():
    full = outcome.failure(1, [f"OSError: [Errno 28] No space left on device: '/home/{PERSON}'"])
    assert masked(full.message).startswith("The disk is full: … No space left on device")
    assert masked(full.message).endswith(outcome.GOES_ON)
    assert masked(outcome.KILLED) == outcome.KILLED
    assert masked("train") == "train"
    assert masked(PERSON) == masked("train …") == "…"


def test_errors_that_nobody_catches_are_logged_and_told_as_before(started, monkeypatch):
    told = []
    monkeypatch.setattr(sys, "excepthook", lambda *args: told.append(args))
    monkeypatch.setattr(threading, "excepthook", told.append)
    log._record_unhandled()
    thread = threading.Thread(target=lambda: np.zeros(1)[5])
    thread.start()
    thread.join()
    error = raised(ZeroDivisionError(PERSON))
    sys.excepthook(type(error), error, error.__traceback__)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert "unhandled error in a thread" in started()
    assert "IndexError: index 5 is out of bounds for axis 0 with size 1" in started()
    assert "ZeroDivisionError: …" in started()
    assert len(told) == 3
    assert started().count("CRITICAL") == 2


def test_a_user_without_a_home_has_no_log_and_no_harm(monkeypatch, tmp_path):
    monkeypatch.setattr(log.platformdirs, "user_log_path", lambda *_, **__: Path("~/log"))
    assert log.log_file() is None
    root = logging.getLogger("napari_alc")
    for holder, name in ((root, "propagate"), (sys, "excepthook"), (threading, "excepthook")):
        monkeypatch.setattr(holder, name, getattr(holder, name))
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.chdir(tmp_path)
    log.start()
    with recorded("train"):
        pass
    assert list(tmp_path.iterdir()) == []


def no_folder(folder, _patch):
    folder.rename(folder.with_name("gone"))
    folder.touch()


def read_only(_folder, patch):
    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    patch.setattr("builtins.open", refuse)
    patch.setattr("os.open", refuse)


def full_disk(folder, _patch):
    if not Path("/dev/full").exists():
        pytest.skip("a disk that is always full is Linux's")
    (folder / "napari-alc.log").unlink()
    (folder / "napari-alc.log").symlink_to("/dev/full")


@pytest.mark.parametrize("broken", [no_folder, read_only, full_disk])
def test_a_log_that_cannot_be_written_disturbs_nobody(
    started, broken, tmp_path, capsys, monkeypatch
):
    assert started()
    with monkeypatch.context() as patch:
        broken(tmp_path / "log", patch)
        with recorded("train"):
            NAMELESS.error("it went wrong", exc_info=raised(ValueError()))
    assert capsys.readouterr().err == ""


def test_a_folder_that_was_cleared_away_is_made_again(started, tmp_path):
    (tmp_path / "log").rename(tmp_path / "elsewhere")
    NAMELESS.info("goes on")
    assert "goes on" in started()


def write_lines(file, name, count):
    """As a process of its own does: with its own handler and its own lock."""
    handler = log._SharedFile(file)
    for number in range(count):
        handler.emit(logging.makeLogRecord({"msg": "%s-%d", "args": (Plain(name), number)}))


def lines_in(folder):
    files = folder.glob("napari-alc.log*")
    return [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def test_several_processes_share_and_rotate_the_file_and_no_line_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "MAX_BYTES", 2000)
    monkeypatch.setattr(log, "KEPT_FILES", 99)
    monkeypatch.setattr(log, "LOCK_SECONDS", 600.0)
    names = ("one", "two", "three")
    arguments = [(tmp_path / "napari-alc.log", name, 60) for name in names]
    threads = [threading.Thread(target=write_lines, args=each) for each in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written = sorted(line.rpartition(" ")[2] for line in lines_in(tmp_path))
    assert written == sorted(f"{name}-{number}" for name in names for number in range(60))
    assert len(list(tmp_path.glob("napari-alc.log.*"))) > 3


def test_the_files_stay_small(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "MAX_BYTES", 2000)
    write_lines(tmp_path / "napari-alc.log", "one", 200)
    files = list(tmp_path.glob("napari-alc.log*"))
    assert len(files) <= 1 + log.KEPT_FILES + 1  # and its lock
    assert all(file.stat().st_size <= 2000 for file in files)


def test_a_file_that_cannot_be_put_aside_takes_the_line(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "open in another process")

    monkeypatch.setattr(log, "MAX_BYTES", 200)
    monkeypatch.setattr("os.rename", refuse)
    write_lines(tmp_path / "napari-alc.log", "one", 20)
    assert len(lines_in(tmp_path)) == 20


def test_a_line_does_not_wait_for_a_process_that_hangs(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "LOCK_SECONDS", 0.01)
    with FileLock(tmp_path / "napari-alc.log.lock"):
        write_lines(tmp_path / "napari-alc.log", "one", 3)
    assert len(lines_in(tmp_path)) == 3

"""Children that are written here: what they say, and how they end."""

import json
import os
import sys
import time

import pytest

from napari_alc.execution import child_process
from napari_alc.execution.child_process import run_child
from napari_alc.execution.outcome import Ending
from napari_alc.execution.progress import parsed
from napari_alc.progress import Progress
from patience import PATIENCE


@pytest.fixture
def program(monkeypatch):
    def use(source):
        monkeypatch.setattr(child_process, "PROGRAM", (sys.executable, "-u", "-c", source))

    return use


def line(done, **further):
    return json.dumps({"step": "train mp", "done": done, "total": 3, **further})


def test_progress_comes_as_it_was_reported(program):
    program(f"print({line(1, message='iteration 1', values={'loss': 0.5})!r})")
    found = []
    assert run_child(["train"], found.append).succeeded
    assert found == [Progress("train mp", 1, 3, "iteration 1", {"loss": 0.5})]


@pytest.mark.parametrize(
    "text",
    ["", "hello", "[1, 2]", "null", '{"step": "x"}', '{"step": "x", "done": "?", "total": 1}', "{"],
)
def test_other_lines_are_no_progress(text):
    assert parsed(text) is None


def test_a_child_that_writes_much_never_waits_for_its_reader(program):
    program("import sys\nfor i in range(60000): print('x' * 80, file=sys.stderr); print('y' * 80)")
    log, output = [], []
    assert run_child(["train"], log=log.append, output=output.append).succeeded
    assert len(log) == len(output) == 60000


def test_the_child_gets_the_options_for_progress_and_cancel(program):
    program("import sys; print(*sys.argv[1:], file=sys.stderr)")
    log = []
    run_child(["train", "study"], log=log.append)
    arguments = log[0].split()
    assert arguments[:5] == ["train", "study", "--progress", "json", "--cancel-file"]


def test_a_cancelled_child_stops_when_it_sees_the_file(program):
    program(
        "import sys, time, pathlib\n"
        "file = pathlib.Path(sys.argv[-1])\n"
        f"print({line(1)!r})\n"
        "while not file.exists(): time.sleep(0.01)\n"
        "sys.exit('napari-alc: Train mp was cancelled.')"
    )
    seen = []
    outcome = run_child(["train"], seen.append, lambda: bool(seen))
    assert outcome.ending is Ending.CANCELLED


def test_a_child_that_finishes_in_spite_of_the_request_has_succeeded(program):
    program("import sys, time, pathlib\nwhile not pathlib.Path(sys.argv[-1]).exists(): pass")
    assert run_child(["train"], should_stop=lambda: True).succeeded


def test_a_child_that_does_not_listen_is_ended_after_the_grace(program):
    program(f"import time; time.sleep({2 * PATIENCE})")
    begun = time.monotonic()
    outcome = run_child(["train"], should_stop=lambda: True, grace=0.2)
    assert outcome.ending is Ending.CANCELLED
    assert time.monotonic() - begun < PATIENCE


def test_a_child_that_cannot_be_told_is_killed(program, monkeypatch):
    monkeypatch.setattr(child_process, "LAST_GRACE_SECONDS", 0.2)
    program(
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"print({line(1)!r})\n"
        "time.sleep(600)"
    )
    seen = []
    outcome = run_child(["train"], seen.append, lambda: bool(seen), grace=0.1)
    assert outcome.ending is Ending.CANCELLED


def test_a_command_without_a_cancel_file_is_ended_at_once(program):
    program(f"import time; time.sleep({2 * PATIENCE})")
    begun = time.monotonic()
    stop = {"should_stop": lambda: True, "reports_progress": False}
    outcome = run_child(["select"], grace=2 * PATIENCE, **stop)
    assert outcome.ending is Ending.CANCELLED
    assert time.monotonic() - begun < PATIENCE


def test_no_process_is_left_when_the_report_fails(program, tmp_path):
    pid_file = tmp_path / "pid"
    program(
        "import os, pathlib, time\n"
        f"pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid()))\n"
        f"print({line(1)!r})\n"
        "time.sleep(600)"
    )

    def fail(_progress):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_child(["train"], fail)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_the_message_of_a_failure_is_the_last_line_of_standard_error(program):
    program("import sys; sys.exit('note\\nnapari-alc: study: no project here. Make one')")
    outcome = run_child(["train"])
    assert outcome.ending is Ending.FAILED
    assert outcome.message == "study: no project here. Make one"


def test_the_child_finds_the_environment_and_the_cancel_file_it_is_given(program, tmp_path):
    program("import os, sys; print(os.environ['OMP_NUM_THREADS'], sys.argv[-1])")
    output = []
    given = {"environment": {"OMP_NUM_THREADS": "3"}, "cancel_file": tmp_path / "cancel"}
    run_child(["train"], output=output.append, **given)
    assert output == [f"3 {tmp_path / 'cancel'}"]

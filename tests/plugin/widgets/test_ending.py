"""Work that still runs when the program ends."""

from __future__ import annotations

import subprocess
import sys

from patience import PATIENCE

SCRIPT = """
import sys, time
import napari.settings
napari.settings._CFG_PATH = sys.argv[1]
from qtpy.QtWidgets import QApplication, QWidget
from napari_alc.execution.outcome import SUCCESS
from napari_alc.plugin.widgets.workers import Background
from napari_alc.progress import Progress

app = QApplication([])
owner = QWidget()
background = Background(owner)
seen = []
background.progressed.connect(seen.append)

def job(report, should_stop):
    while not should_stop():
        report(Progress("create", 1, 2))
        time.sleep(0.2)
    return SUCCESS

background.start(job, "Making the sample project")
while not seen:
    app.processEvents()
print("closed")
"""


def test_a_program_that_ends_beside_its_work_says_nothing_about_it(tmp_path):
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "settings.yaml")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ended.stdout == "closed\n"
    assert "deleted" not in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 0

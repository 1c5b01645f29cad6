"""What a person sees while the program opens its window."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from patience import PATIENCE

SCRIPT = """
import json, os, sys
from pathlib import Path
import napari, napari.settings
napari.settings._CFG_PATH = sys.argv[1]
from napari._qt.qt_event_loop import get_qapp
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QWidget
from napari_alc.plugin.launch import launch
from napari_alc.plugin.widget import ActiveLabelCleaning

app, shown = get_qapp(), []

class Watch(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            docked = watched.findChildren(ActiveLabelCleaning)
            project = bool(docked) and docked[0].project is not None
            shown.append([type(watched).__name__, len(docked), project])
        return False

watch = Watch()
app.installEventFilter(watch)

def tell():
    [widget] = [one for one in app.allWidgets() if isinstance(one, ActiveLabelCleaning)]
    if len(sys.argv) == 2 or widget.review_page.state.document is not None:
        window, room = widget.window().frameGeometry(), app.primaryScreen().availableGeometry()
        fits = window.width() <= room.width() and window.height() <= room.height()
        print(json.dumps([shown, fits]), flush=True)
        os._exit(0)

timer = QTimer()
timer.timeout.connect(tell)
timer.start(100)
launch(Path(sys.argv[2]) if len(sys.argv) > 2 else None)
"""


@pytest.mark.parametrize("has_project", [False, True])
def test_one_window_is_shown_at_opening_once_and_complete(tmp_path, fresh, has_project):
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "settings.yaml")]
    command += [str(fresh)] if has_project else []
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ended.returncode == 0, ended.stderr
    [shown, fits] = json.loads(ended.stdout.splitlines()[-1])
    assert shown == [["_QtMainWindow", 1, has_project]]
    assert fits

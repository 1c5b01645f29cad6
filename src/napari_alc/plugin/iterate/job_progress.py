"""A job in a page: its bar with Cancel and log, and its curves."""

from __future__ import annotations

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_alc.plugin.iterate.job_monitor import JobWatch
from napari_alc.plugin.widgets.line_plots import Curves
from napari_alc.plugin.widgets.progress_bar import JobBar


class JobPanel(QWidget):
    """Shows the job that `watch` follows; who starts one is the page's business."""

    def __init__(self, watch: JobWatch) -> None:
        super().__init__()
        self._watch = watch
        self.job_bar = JobBar()
        self.curves = Curves()
        self.curves.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.job_bar)
        layout.addWidget(self.curves)
        self.job_bar.cancelled.connect(watch.cancel)
        watch.begun.connect(self._on_begun)
        watch.progressed.connect(self.job_bar.show_progress)
        watch.progressed.connect(self._show_curves)
        watch.ended.connect(self._on_ended)
        watch.left.connect(self.job_bar.idle)

    def _on_begun(self, title: str) -> None:
        self.job_bar.begin(title, self._watch.log)
        if self._watch.is_stopping:
            self.job_bar.stopping()
        self.curves.clear()
        self.curves.hide()

    def _show_curves(self) -> None:
        for name, points in list(self._watch.points.items()):
            self.curves.set_points(name, points)
        self.curves.setVisible(bool(self._watch.points))

    def _on_ended(self) -> None:
        self.job_bar.idle()
        self._show_curves()

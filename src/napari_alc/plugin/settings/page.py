"""The settings of a project on one page: method, detector, and where it computes."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLineEdit, QWidget

from napari_alc.errors import AlcError
from napari_alc.plugin import tooltips
from napari_alc.plugin.settings.detector_form import DetectorForm
from napari_alc.plugin.settings.method_form import MethodForm
from napari_alc.plugin.widgets.collapsible import form_of, guard_wheel
from napari_alc.plugin.widgets.controls import error_words, heading, show_words, stack_in, words
from napari_alc.project.project import Project
from napari_alc.project.status import has_stopped_training

FREE = "Saved at once. What you change holds from the next step on; finished steps stay."
STOPPED = (
    "A training was stopped and can go on. It begins anew where settings of the detector are "
    "changed before."
)
LOCKED = "Locked while a step is running."


class SettingsPage(QWidget):
    """Everything that ``project.toml`` says about the steps to come."""

    changed = Signal()
    """Emitted when a setting was saved."""

    def __init__(self) -> None:
        super().__init__()
        self._project: Project | None = None
        self._images = 0
        self.note = words(FREE)
        self.method = MethodForm(lambda values: self._save(method=values))
        self.detector = DetectorForm(lambda values: self._save(detector=values))
        self.stopped = words()
        self.cluster = QLineEdit()
        self.cluster.setPlaceholderText("this computer, or tcp://host:8786")
        self.cluster.setToolTip(tooltips.CLUSTER)
        self.cluster.editingFinished.connect(self._on_cluster)
        self.cluster_problem = error_words()
        stack_in(
            self,
            self.note,
            heading("Method"),
            self.method,
            heading("Detector"),
            self.stopped,
            self.detector,
            heading("Beyond this computer"),
            form_of(("Dask cluster", self.cluster)),
            self.cluster_problem,
        )
        guard_wheel(self)

    def set_project(self, project: Project | None) -> None:
        """Show the settings of another project.

        Raises
        ------
        AlcError
            When they cannot be shown.
        """
        self._project = project
        self._images = 0 if project is None else len(project.images())
        self.refresh()

    def refresh(self) -> None:
        """Show the settings as they are stored."""
        if self._project is None:
            return
        settings = self._project.settings
        self.method.show_method(settings.method, self._images)
        self.detector.show_detector(settings)
        self.cluster.setText(settings.cluster.address)
        show_words(self.cluster_problem, "")
        show_words(self.stopped, STOPPED if has_stopped_training(self._project) else "")

    def set_locked(self, is_locked: bool) -> None:
        """Let nothing be changed while a step reads it."""
        self.note.setText(LOCKED if is_locked else FREE)
        self.method.set_locked(is_locked)
        self.detector.set_locked(is_locked)
        self.cluster.setEnabled(not is_locked)

    def _save(
        self,
        method: Mapping[str, object] | None = None,
        detector: Mapping[str, object] | None = None,
        cluster: str | None = None,
    ) -> None:
        if self._project is None:
            return
        self._project.change(method=method, detector=detector, cluster=cluster)
        self.refresh()
        self.changed.emit()

    def _on_cluster(self) -> None:
        address = self.cluster.text().strip()
        if self._project is None or address == self._project.settings.cluster.address:
            return
        try:
            require_address(address)
            self._save(cluster=address)
        except AlcError as error:
            show_words(self.cluster_problem, str(error))


def require_address(text: str) -> None:
    """Refuse what cannot be the address of a Dask scheduler.

    Raises
    ------
    AlcError
        Saying how an address is written.
    """
    scheme, sign, rest = text.rpartition("://")
    host, colon, port = rest.rpartition(":")
    is_well = bool(colon and host and port.isdecimal()) and (not sign or bool(scheme))
    if text and not is_well:
        raise AlcError("Write the address as tcp://host:8786, or leave the field empty.")

"""A project on disk and the label sets that its store answers with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from napari_alc.errors import BadData
from napari_alc.labels import Category, ImageRecord, LabelSet
from napari_alc.project.settings import ProjectSettings, change_settings, read_settings
from napari_alc.project.storage.database import Database
from napari_alc.project.storage.image_files import ImageFiles
from napari_alc.project.storage.records import BoxSource, ImageRole, ModelName, Snapshot

MODELS = tuple(model.value for model in ModelName)
"""Mp learns from the pathologists' labels, Ma from the consensus labels."""


def relative(path: Path, folder: Path) -> str:
    """A path as seen from a folder; whole where they are on different drives."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive on Windows
        return str(path)


@dataclass
class Project:
    """An open project: its folder, settings and store."""

    folder: Path
    settings: ProjectSettings
    store: Database

    @classmethod
    def open(cls, folder: Path) -> Project:
        """Open the project in `folder`.

        Raises
        ------
        BadData
            When there is none, it is damaged, or a newer program made it.
        """
        folder = Path(folder).resolve()
        settings = read_settings(folder)
        store = Database(folder, settings.database)
        try:
            store.check()
        except BadData:
            store.close()
            raise
        return cls(folder, settings, store)

    def close(self) -> None:
        """Let go of the project's files."""
        self.store.close()

    def change(
        self,
        *,
        method: Mapping[str, object] | None = None,
        detector: Mapping[str, object] | None = None,
        cluster: str | None = None,
    ) -> None:
        """Change settings, in ``project.toml`` and here (see `change_settings`).

        Raises
        ------
        BadData
            When the file cannot be used as it was found, or not be written.
        AlcError
            When a new value is wrong; nothing is changed then.
        """
        self.settings = change_settings(
            self.folder, method=method, detector=detector, cluster=cluster
        )

    @property
    def images_folder(self) -> Path:
        """The folder that image file names are relative to."""
        return Path(os.path.normpath(self.folder / self.settings.images))

    @property
    def exports_folder(self) -> Path:
        """Where clean datasets and reports are written."""
        return self.folder / "exports"

    @property
    def cache_folder(self) -> Path:
        """Where decoded images lie and what else can be made again; it may be deleted."""
        return self.folder / "cache"

    def run_folder(self, iteration: int, model: str) -> Path:
        """Where weights, metrics and detections of a model of an iteration lie."""
        return self.folder / "runs" / str(iteration) / model

    @cached_property
    def _image_files(self) -> ImageFiles:
        return ImageFiles(self.store, self.cache_folder)

    def path_of(self, image: ImageRecord) -> Path:
        """The file of `image`.

        Raises
        ------
        BadData
            When the file is not there any more, is another image than the project was made
            with, or is a sample's that is still to be drawn.
        """
        path = self.images_folder / image.file_name
        self._image_files.require_there(image, path)
        if not path.is_file():
            raise BadData(
                path,
                "the image is not there any more",
                f"Bring it back, or correct 'images' in {self.folder / 'project.toml'}",
            )
        self._image_files.require_same(image, path)
        return path

    def categories(self) -> tuple[Category, ...]:
        """All kinds of objects, by id."""
        with self.store.transaction() as unit:
            return unit.images.categories()

    def images(
        self, role: ImageRole = ImageRole.TRAIN, until: Snapshot | None = None
    ) -> tuple[ImageRecord, ...]:
        """The images of a role that are not left out of the dataset, by id.

        With `until`, those that were not left out at that moment.
        """
        with self.store.transaction() as unit:
            return unit.images.of_role(role, until)

    def awaited_images(self) -> tuple[ImageRecord, ...]:
        """The images of a sample that are still to be drawn, by id."""
        with self.store.transaction() as unit:
            return unit.images.awaited()

    def image(self, image_id: int) -> ImageRecord:
        """The image with this id."""
        with self.store.transaction() as unit:
            return unit.images.image(image_id)

    def crowd_labels(self) -> LabelSet:
        """D_c: what the crowd drew on the images of X that are not left out. Never altered."""
        return self._given_labels(BoxSource.CROWD, ImageRole.TRAIN)

    def validation_labels(self) -> LabelSet:
        """Clean labels of the validation images."""
        return self._given_labels(BoxSource.CLEAN, ImageRole.VALIDATION)

    def _given_labels(self, source: BoxSource, role: ImageRole) -> LabelSet:
        with self.store.transaction() as unit:
            images, categories = unit.images.of_role(role), unit.images.categories()
            return LabelSet(images, categories, unit.boxes.given(source, role))

"""Images and categories in the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import select

from napari_alc.labels import Category, ImageRecord
from napari_alc.project.storage import schema
from napari_alc.project.storage.records import ImageRole
from napari_alc.project.storage.repository import Repository

_image = schema.image.c
_RECORD = _image.id, _image.file_name, _image.width, _image.height


class ImageRepository(Repository):
    """The images of a project and the categories of its objects; neither ever changes."""

    def of_role(self, role: ImageRole) -> tuple[ImageRecord, ...]:
        """All images of a role, by id."""
        query = select(*_RECORD).where(_image.role == role).order_by(_image.id)
        return tuple(ImageRecord(*row) for row in self._rows(query))

    def image(self, image_id: int) -> ImageRecord:
        """The image with this id."""
        return ImageRecord(*self._rows(select(*_RECORD).where(_image.id == image_id))[0])

    def id_of(self, file_name: str) -> int | None:
        """The id of an image; None where there is none of that name."""
        found = self._value(select(_image.id).where(_image.file_name == file_name))
        return None if found is None else int(found)

    def count(self) -> int:
        """How many images are to be cleaned."""
        return self._count(schema.image, _image.role == ImageRole.TRAIN)

    def fingerprints(self) -> dict[int, str]:
        """The fingerprint of every image file, by image id."""
        return self._pairs(select(_image.id, _image.fingerprint))

    def categories(self) -> tuple[Category, ...]:
        """All kinds of objects, by id."""
        c = schema.category.c
        return tuple(Category(*row) for row in self._rows(select(c.id, c.name).order_by(c.id)))

    def add_categories(self, categories: Iterable[Category]) -> None:
        """Name the kinds of objects of a new project."""
        self._add(schema.category, list(map(asdict, categories)))

    def add(
        self, images: Sequence[ImageRecord], role: ImageRole, fingerprints: Mapping[int, str]
    ) -> None:
        """Give a new project images, with the fingerprints of their files by image id."""
        rows = [
            {**asdict(image), "fingerprint": fingerprints[image.id], "role": role}
            for image in images
        ]
        self._add(schema.image, rows)

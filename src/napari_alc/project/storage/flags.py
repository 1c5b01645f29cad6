"""Flags on images in the store: what people say about an image as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from napari_alc.project.storage import schema
from napari_alc.project.storage.records import FlagKind, ImageFlag, ImageRole, Snapshot
from napari_alc.project.storage.repository import Repository, as_utc

_flag, _image = schema.image_flag.c, schema.image.c


def is_excluded(image_id: ColumnElement[Any], until: Snapshot | None = None) -> ColumnElement[bool]:
    """Condition: an image is left out of the dataset, now or at an earlier moment."""
    newest = _newest(until, _flag.kind == FlagKind.EXCLUDE)
    return image_id.in_(select(_flag.image_id).where(_flag.id.in_(newest), _flag.is_set))


def _newest(until: Snapshot | None, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Of each image and kind the row that holds."""
    query = select(func.max(_flag.id)).where(*conditions).group_by(_flag.image_id, _flag.kind)
    return query if until is None else query.where(_flag.id <= until.flag)


class FlagRepository(Repository):
    """Flags on images; they are only added, and of each kind the newest holds."""

    def add(
        self, image_id: int, kind: FlagKind, flag: ImageFlag | None, person: str, at: datetime
    ) -> None:
        """Keep that a person set a flag, or took it off where `flag` is None."""
        row = {
            "image_id": image_id,
            "kind": kind,
            "is_set": flag is not None,
            "words": "" if flag is None else flag.words,
            "person": person,
            "author": "" if flag is None else flag.person,
            "flagged_at": at,
            "set_at": None if flag is None else flag.at,
        }
        self._add(schema.image_flag, [row])

    def newest(self) -> int:
        """The highest number of a flag; 0 where there is none."""
        return int(self._value(select(func.max(_flag.id))) or 0)

    def of(self, image_id: int) -> tuple[ImageFlag, ...]:
        """The flags of an image, in the order of `FlagKind`."""
        return self.all([image_id]).get(image_id, ())

    def all(
        self, image_ids: Iterable[int] | None = None, until: Snapshot | None = None
    ) -> dict[int, tuple[ImageFlag, ...]]:
        """The flags of each image that has any, by id, now or at an earlier moment."""
        query = (
            select(_flag.image_id, _flag.kind, _flag.words, _flag.author, _flag.set_at)
            .where(_flag.is_set, _flag.id.in_(_newest(until)))
            .order_by(_flag.image_id)
        )
        if image_ids is not None:
            query = query.where(_flag.image_id.in_(list(image_ids)))
        found: dict[int, list[ImageFlag]] = {}
        for image_id, kind, words, author, at in self._rows(query):
            found.setdefault(image_id, []).append(ImageFlag(kind, words, author, as_utc(at)))
        order = list(FlagKind)
        return {
            image_id: tuple(sorted(flags, key=lambda flag: order.index(flag.kind)))
            for image_id, flags in found.items()
        }

    def is_excluded(self, image_id: int) -> bool:
        """Whether an image is left out of the dataset."""
        return self._count(schema.image, _image.id == image_id, is_excluded(_image.id)) > 0

    def excluded(self, until: Snapshot | None = None) -> tuple[int, ...]:
        """Ids of the images to be cleaned that are left out, in order."""
        here = _image.role == ImageRole.TRAIN, is_excluded(_image.id, until)
        rows = self._rows(select(_image.id).where(*here).order_by(_image.id))
        return tuple(row.id for row in rows)

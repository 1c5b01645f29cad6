"""Images in the store, and boxes: who drew them, their regions, and what the correction made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from math import isnan
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    func,
    insert,
    select,
    type_coerce,
    update,
)

from napari_alc.boxes import Corners, Integers
from napari_alc.cleaning.regions import Region, SortedLabels, Source
from napari_alc.labels import Category, ImageRecord, Labels
from napari_alc.project.storage import schema
from napari_alc.project.storage.flags import is_excluded
from napari_alc.project.storage.records import (
    EVERYBODY,
    AutomaticLabel,
    BoxSource,
    BoxState,
    CorrectionOutcome,
    ImageRole,
    ReviewBox,
    ReviewStep,
    Snapshot,
    Task,
    UnsureMark,
    labels_from_rows,
)
from napari_alc.project.storage.repository import ROWS_AT_ONCE, Repository, as_utc, now, rows_of

AWAITED = ""
"""Fingerprint of an image file that is still to come."""

_image = schema.image.c
_RECORD = _image.id, _image.file_name, _image.width, _image.height


class ImageRepository(Repository):
    """The images of a project and the categories of its objects; neither ever changes.

    Only a sample's images may still have to be drawn.

    Whether an image is left out of the dataset is said by its flags.
    """

    def of_role(self, role: ImageRole, until: Snapshot | None = None) -> tuple[ImageRecord, ...]:
        """The images of a role that are not left out, now or at an earlier moment, by id."""
        here = _image.role == role, ~is_excluded(_image.id, until)
        query = select(*_RECORD).where(*here).order_by(_image.id)
        return tuple(ImageRecord(*row) for row in self._rows(query))

    def image(self, image_id: int) -> ImageRecord:
        """The image with this id."""
        return ImageRecord(*self._rows(select(*_RECORD).where(_image.id == image_id))[0])

    def id_of(self, file_name: str) -> int | None:
        """The id of an image; None where there is none of that name."""
        found = self._value(select(_image.id).where(_image.file_name == file_name))
        return None if found is None else int(found)

    def count(self) -> int:
        """How many images are to be cleaned; those left out do not count."""
        here = _image.role == ImageRole.TRAIN, ~is_excluded(_image.id)
        return self._count(schema.image, *here)

    def fingerprints(self) -> dict[int, str]:
        """The fingerprint of every image file, by image id."""
        return self._pairs(select(_image.id, _image.fingerprint))

    def awaited(self) -> tuple[ImageRecord, ...]:
        """The images whose files are still to come, by id."""
        query = select(*_RECORD).where(_image.fingerprint == AWAITED).order_by(_image.id)
        return tuple(ImageRecord(*row) for row in self._rows(query))

    def came(self, image_id: int, fingerprint: str) -> None:
        """The file of an image that was awaited is there, whole."""
        here = _image.id == image_id, _image.fingerprint == AWAITED
        self._execute(update(schema.image).where(*here).values(fingerprint=fingerprint))

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


_box, _region, _task = schema.box.c, schema.region.c, schema.task.c
_correction = schema.correction.c

_AS_LABEL = (*(_box.image_id, _box.category_id), *(_box.x1, _box.y1, _box.x2, _box.y2), _box.id)
"""What `labels_from_rows` takes."""


def as_stored(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The plain text of a state.

    SQLAlchemy would look up the name of each by a call: too slow for all boxes of a label set.
    """
    return type_coerce(column, String)


BOX_COLUMNS = (
    *(_box.id, _box.category_id),
    *(_box.x1, _box.y1, _box.x2, _box.y2),
    as_stored(_box.source).label("source"),
    _box.score,
)
"""What a `ReviewBox` needs of a box, besides its region and evaluation score."""

_OFFERED = (*BOX_COLUMNS, _region.region, _region.evaluation_score)
"""What `review_box` takes of a box, besides its state."""

_SOURCES = {source.value: source for source in BoxSource}

_STATES = {state.value: state for state in BoxState}


class BoxRepository(Repository):
    """Boxes; what was drawn is never altered."""

    def given(self, source: BoxSource, role: ImageRole) -> Labels:
        """What was handed in for the images of a role that are not left out."""
        here = _box.source == source, schema.image.c.role == role, ~is_excluded(_box.image_id)
        query = (
            select(*_AS_LABEL).join(schema.image, schema.image.c.id == _box.image_id).where(*here)
        )
        return self._labels(query)

    def of_crowd(self, image_ids: Sequence[int]) -> Labels:
        """What the crowd drew on images, whose ids are given in ascending order."""
        if not image_ids:
            return Labels.empty()
        within = _box.image_id.between(image_ids[0], image_ids[-1])
        query = select(*_AS_LABEL).where(within, _box.source == BoxSource.CROWD)
        return self._labels(query).of_images(image_ids)

    def of_crowd_on_finished(self) -> Labels:
        """What the crowd drew on the images that were finished whole."""
        query = (
            select(*_AS_LABEL)
            .join(schema.task, _task.image_id == _box.image_id)
            .where(
                _box.source == BoxSource.CROWD,
                _task.step == ReviewStep.WHOLE_IMAGE,
                _task.done_at.is_not(None),
                _task.reader == EVERYBODY,
                ~is_excluded(_box.image_id),
            )
        )
        return self._labels(query)

    def _labels(self, query: Select[Any]) -> Labels:
        return labels_from_rows(self._rows(query.order_by(_box.id)))

    def count_of_crowd(self) -> int:
        """How many boxes the crowd drew on images that are not left out."""
        here = _box.source == BoxSource.CROWD, ~is_excluded(_box.image_id)
        return self._count(schema.box, *here)

    def as_drawn(self, box_ids: Collection[int]) -> dict[int, tuple[int, Corners]]:
        """Category and corners that boxes had before anybody changed them, by box id."""
        return self._first(_box.id.in_(box_ids))

    def as_drawn_on_shared(self) -> dict[int, tuple[int, Corners]]:
        """`as_drawn` of all boxes on images that several people read."""
        shared = select(_task.image_id).where(_task.reader != EVERYBODY)
        return self._first(_box.image_id.in_(shared))

    def _first(self, condition: ColumnElement[bool]) -> dict[int, tuple[int, Corners]]:
        query = select(_box.id, _box.category_id, _box.x1, _box.y1, _box.x2, _box.y2)
        rows = self._rows(query.where(condition))
        return {
            box_id: (category_id, (x1, y1, x2, y2)) for box_id, category_id, x1, y1, x2, y2 in rows
        }

    def add_given(self, labels: Labels, source: BoxSource) -> None:
        """Keep labels that were handed in."""
        common = {"source": source, "created_at": now()}
        self._add(schema.box, rows_of(common, **_columns(labels)))

    def add_drawn(
        self, drawn: Sequence[tuple[Task, ReviewBox]], person: str, at: datetime
    ) -> list[ReviewBox]:
        """Keep boxes that a person drew in the images of tasks; returns them with their ids."""
        rows = [
            {
                "image_id": task.image_id,
                "category_id": box.category_id,
                **corner_values(box.corners),
                "source": BoxSource.PERSON,
                "iteration": task.iteration,
                "person": person,
                "created_at": at,
            }
            for task, box in drawn
        ]
        box_ids = self._add_boxes(rows)
        return [replace(box, id=box_id) for (_, box), box_id in zip(drawn, box_ids, strict=True)]

    def add_sorted(self, rows: SortedLabels, crowd: Labels, iteration: int) -> Integers:
        """Keep boxes that the LSM sorted, with their regions; returns the id of each, shape (N,).

        Those of the crowd are in the store already; the crowd's rows point into `crowd`.
        """
        box_ids = np.zeros(len(rows), dtype=np.int64)
        of_crowd = rows.source == Source.CROWD
        box_ids[of_crowd] = crowd.ids[rows.index[of_crowd]]
        predicted = rows.take(~of_crowd)
        box_ids[~of_crowd] = self._add_boxes(_predicted_rows(predicted, iteration))
        self._add(schema.region, _region_rows(rows, box_ids, iteration))
        return box_ids

    def _add_boxes(self, rows: Sequence[Mapping[str, object]]) -> list[int]:
        statement = insert(schema.box).returning(_box.id, sort_by_parameter_order=True)
        found: list[int] = []
        for start in range(0, len(rows), ROWS_AT_ONCE):
            piece = list(rows[start : start + ROWS_AT_ONCE])
            found += self._connection.scalars(statement, piece).all()
        return found

    def sorted_on(self, image_id: int, iteration: int | None) -> list[ReviewBox]:
        """Every box of an image that the models of an iteration sorted."""
        query = (
            select(*_OFFERED)
            .join(schema.region, _region.box_id == _box.id)
            .where(_box.image_id == image_id, _region.iteration == iteration)
            .order_by(_box.id)
        )
        return [review_box((*row, BoxState.OPEN)) for row in self._rows(query)]

    def add_outcomes(
        self,
        outcomes: Iterable[tuple[CorrectionOutcome, Sequence[int], Sequence[int]]],
        iteration: int,
    ) -> None:
        """Keep what the correction of an iteration made of boxes: outcome, image ids, box ids."""
        for outcome, image_ids, box_ids in outcomes:
            common = {"iteration": iteration, "outcome": outcome}
            self._add(schema.correction, rows_of(common, image_id=image_ids, box_id=box_ids))

    def count_outcomes(self, outcome: CorrectionOutcome) -> int:
        """How many boxes the correction has made this of."""
        return self._count(schema.correction, _correction.outcome == outcome)

    def count_reviewed(self) -> int:
        """Red and green boxes of step 2 in images that are finished and not left out."""
        query = (
            select(func.count())
            .select_from(schema.correction)
            .join(schema.task, _task.image_id == _correction.image_id)
            .where(
                _correction.outcome == CorrectionOutcome.REVIEW,
                _task.step == ReviewStep.OPEN_BOXES,
                _task.reader == EVERYBODY,
                _task.done_at.is_not(None),
                ~is_excluded(_correction.image_id),
            )
        )
        return int(self._value(query))

    def automatic_labels(self) -> list[AutomaticLabel]:
        """The boxes that the correction made labels, whether somebody looks at them or not."""
        of_models = and_(_region.box_id == _box.id, _region.iteration == _correction.iteration)
        query = (
            select(_box.image_id, _correction.iteration, *_OFFERED)
            .join(schema.correction, _correction.box_id == _box.id)
            .outerjoin(schema.region, of_models)
            .where(_correction.outcome == CorrectionOutcome.LABEL)
            .order_by(_box.id)
        )
        return [
            AutomaticLabel(image_id, review_box((*row, BoxState.OPEN)), iteration)
            for image_id, iteration, *row in self._rows(query)
        ]


def corner_values(corners: Sequence[float]) -> dict[str, float]:
    """Corners by column."""
    x1, y1, x2, y2 = corners
    return {"x1": x1, "y1": y1, "x2": x2, "y2": y2}


def review_box(row: Sequence[Any], decision: Sequence[Any] | None = None) -> ReviewBox:
    """A box as it was offered, or as the latest decision left it.

    Hundreds of thousands are made for a label set: values by position, made once.
    """
    box_id, category_id, x1, y1, x2, y2, source, score, region, evaluation_score, state = row
    person, since = "", None
    unsure: UnsureMark | None = None
    if decision is not None:
        category_id, x1, y1, x2, y2, state, person, since, unsure_by, unsure_at = decision
        if unsure_by is not None:
            unsure = UnsureMark(unsure_by, as_utc(unsure_at))
    return ReviewBox(
        box_id,
        category_id,
        (x1, y1, x2, y2),
        _SOURCES[source],
        region or "",
        score,
        evaluation_score,
        _STATES[state],
        person,
        since and as_utc(since),
        unsure,
    )


def _columns(boxes: Labels | SortedLabels) -> dict[str, list[object]]:
    x1, y1, x2, y2 = boxes.boxes.T.tolist()
    ids = {"image_id": boxes.image_ids.tolist(), "category_id": boxes.category_ids.tolist()}
    return {**ids, "x1": x1, "y1": y1, "x2": x2, "y2": y2}


def _predicted_rows(rows: SortedLabels, iteration: int) -> list[dict[str, object]]:
    return rows_of(
        {"iteration": iteration, "created_at": now()},
        **_columns(rows),
        source=[BoxSource(Source(source).label) for source in rows.source.tolist()],
        score=rows.scores.tolist(),
    )


def _region_rows(rows: SortedLabels, box_ids: Integers, iteration: int) -> list[dict[str, object]]:
    scores = rows.evaluation_score.tolist()
    return rows_of(
        {"iteration": iteration},
        box_id=box_ids.tolist(),
        region=[Region(region).label for region in rows.region.tolist()],
        evaluation_score=[None if isnan(score) else score for score in scores],
        box_in_box=rows.box_in_box.tolist(),
    )

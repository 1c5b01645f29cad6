"""Steps 4 and 5: the LSM on X without X^i, the ranking, and the next images for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, delete

from napari_alc.boxes import Integers, Mask
from napari_alc.cleaning.regions import Region, SortedLabels, Source, sort_labels
from napari_alc.cleaning.selection import STRATEGIES, Candidates, rank, scores
from napari_alc.labels import Labels
from napari_alc.project import schema
from napari_alc.project.label_sets import remaining_images
from napari_alc.project.locking import one_at_a_time
from napari_alc.project.prediction import detections_of, tau_of
from napari_alc.project.project import MODELS, Project
from napari_alc.project.status import Step, require
from napari_alc.project.store import add_boxes, add_rows, log_event, now
from napari_alc.project.tasks import WHOLE_IMAGE, Batch, write_tasks


@dataclass(frozen=True, eq=False)
class SortedImages:
    """The remaining images with their boxes sorted into regions.

    Parameters
    ----------
    image_ids
        X without X^i, int64, shape (M,).
    crowd
        The crowd's labels of these images; crowd rows of `rows` point into them.
    rows
        What the LSM found.
    """

    image_ids: Integers
    crowd: Labels
    rows: SortedLabels


def sort_remaining(project: Project, iteration: int) -> SortedImages:
    """Sort the boxes of X without X^i with the models of `iteration` (LSM)."""
    ids = [image.id for image in remaining_images(project, iteration)]
    crowd = project.crowd_labels().labels.of_images(ids)
    mp, ma = (detections_of(project, iteration, model, ids) for model in MODELS)
    thresholds = project.settings.method.thresholds(tau_of(project, iteration))
    rows = sort_labels(crowd, mp, ma, thresholds)
    return SortedImages(np.array(ids, dtype=np.int64), crowd, rows)


@one_at_a_time("select")
def select(project: Project) -> tuple[int, ...]:
    """Rank X without X^i and hand the first k images to the pathologists; returns their ids.

    Raises
    ------
    AlcError
        When this is not the time: images wait for review, or predictions are missing.
    """
    iteration = require(project, Step.SELECT).iteration
    images = sort_remaining(project, iteration)
    method = project.settings.method
    rng = np.random.default_rng([method.seed, iteration + 1])
    candidates = Candidates(images.image_ids, scores(images.rows, images.image_ids))
    ranked = rank(images.image_ids, STRATEGIES[method.strategy].values(candidates, rng), rng)
    chosen = ranked[: method.per_iteration].tolist()
    inconsistency = dict(
        zip(images.image_ids.tolist(), candidates.inconsistency.tolist(), strict=True)
    )
    with project.store.begin() as connection:
        _write_ranking(connection, iteration, images, ranked, inconsistency)
        rows = np.isin(images.rows.image_ids, chosen)
        box_ids = store_rows(connection, images, rows, iteration)
        write_tasks(
            connection,
            chosen,
            Batch(WHOLE_IMAGE, iteration + 1, iteration),
            [inconsistency[image_id] for image_id in chosen],
            _whole_image_proposals(images.rows.take(rows), box_ids),
        )
        log_event(connection, Step.SELECT, iteration, {"images": chosen})
    return tuple(chosen)


def _whole_image_proposals(rows: SortedLabels, box_ids: Integers) -> list[dict[str, object]]:
    """One open box for each object somebody saw: P, else A, else the crowd's."""
    from_mp = rows.source == Source.MP
    groups_with_mp = np.isin(rows.group, rows.group[from_mp])
    stand_in = (rows.source == Source.MA) & ~groups_with_mp
    alone = (rows.region == Region.RED) | (rows.region == Region.GREEN)
    offered = np.flatnonzero(from_mp | stand_in | alone)
    return [
        {"image_id": int(rows.image_ids[row]), "box_id": int(box_ids[row]), "state": "open"}
        for row in offered
    ]


def _write_ranking(
    connection: Connection,
    iteration: int,
    images: SortedImages,
    ranked: Integers,
    inconsistency: dict[int, float],
) -> None:
    counts = _counts(images)
    c = schema.ranking.c
    connection.execute(delete(schema.ranking).where(c.iteration == iteration))
    rows = [
        {
            "iteration": iteration,
            "image_id": image_id,
            "rank": place,
            "score": inconsistency[image_id],
            **counts[image_id],
        }
        for place, image_id in enumerate(ranked.tolist())
    ]
    add_rows(connection, schema.ranking, rows)


def _counts(images: SortedImages) -> dict[int, dict[str, int]]:
    """Boxes of each region in each image."""
    order = np.argsort(images.image_ids)
    ids = images.image_ids[order]
    position = np.searchsorted(ids, images.rows.image_ids)
    table = np.zeros((len(ids), len(Region)), dtype=np.int64)
    np.add.at(table, (position, images.rows.region), 1)
    return {
        int(image_id): {region.label: int(row[region]) for region in Region}
        for image_id, row in zip(ids, table, strict=True)
    }


def store_rows(
    connection: Connection, images: SortedImages, chosen: Mask, iteration: int
) -> Integers:
    """Keep sorted boxes with their regions; returns the box id of each chosen row.

    Parameters
    ----------
    chosen
        Mask over the rows of `images`.
    iteration
        Of the models that sorted them.
    """
    rows = images.rows.take(chosen)
    box_ids = np.zeros(len(rows), dtype=np.int64)
    crowd = rows.source == Source.CROWD
    box_ids[crowd] = images.crowd.ids[rows.index[crowd]]
    box_ids[~crowd] = _insert_predictions(connection, rows.take(~crowd), iteration)
    add_rows(connection, schema.region, _region_rows(rows, box_ids, iteration))
    return box_ids


def _insert_predictions(
    connection: Connection, rows: SortedLabels, iteration: int
) -> Sequence[int]:
    at = now()
    values = [
        {
            "image_id": image_id,
            "category_id": category_id,
            "x1": box[0],
            "y1": box[1],
            "x2": box[2],
            "y2": box[3],
            "source": Source(source).label,
            "iteration": iteration,
            "score": score,
            "created_at": at,
        }
        for image_id, category_id, box, source, score in zip(
            rows.image_ids.tolist(),
            rows.category_ids.tolist(),
            rows.boxes.tolist(),
            rows.source.tolist(),
            rows.scores.tolist(),
            strict=True,
        )
    ]
    return add_boxes(connection, values)


def _region_rows(rows: SortedLabels, box_ids: Integers, iteration: int) -> list[dict[str, object]]:
    return [
        {
            "box_id": box_id,
            "iteration": iteration,
            "region": Region(region).label,
            "evaluation_score": None if np.isnan(score) else score,
            "box_in_box": inside,
        }
        for box_id, region, score, inside in zip(
            box_ids.tolist(),
            rows.region.tolist(),
            rows.evaluation_score.tolist(),
            rows.box_in_box.tolist(),
            strict=True,
        )
    ]

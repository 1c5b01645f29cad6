from __future__ import annotations

import numpy as np
import pytest
from hand_made import A, B, C, D, make, rows_of, see

from napari_alc.cleaning.regions import Region, Source, sort_labels
from napari_alc.errors import AlcError
from napari_alc.project.annotation.decisions import current_boxes
from napari_alc.project.annotation.tasks import queue, region_counts
from napari_alc.project.status import Step, status
from napari_alc.project.steps import select as sorting
from napari_alc.project.steps.overrides import ranked
from napari_alc.project.steps.predict import detections_of
from napari_alc.project.steps.select import select
from napari_alc.project.storage import schema
from napari_alc.project.storage.boxes import BoxRepository
from napari_alc.project.storage.runs import EventRepository

CROWD = {1: [A], 2: [A, B], 3: [A], 4: [C]}
MP = [(2, A, 0.9), (2, D, 0.8), (3, A, 0.7), (3, D, 0.6), (4, B, 0.3)]
MA = [(2, A, 0.8), (2, C, 0.75), (3, D, 0.95), (4, A, 0.9)]


@pytest.fixture
def project(tmp_path):
    """Ready to select; by hand: SCORE(2) = 0.75 + 0, SCORE(3) = 0, SCORE(4) = 0.9 + 0."""
    project = make(tmp_path, CROWD, clean={1: [A]}, per_iteration=2)
    see(project, 0, MP, MA)
    return project


def sorted_boxes(project, image_ids):
    """Source, corners and region of each box, by the method core alone."""
    crowd = project.crowd_labels().labels.of_images(image_ids)
    mp, ma = (detections_of(project, 0, model, image_ids) for model in ("mp", "ma"))
    rows = sort_labels(crowd, mp, ma, project.settings.method.thresholds(0.5))
    return sorted(
        (image_id, Source(source).label, tuple(box), Region(region).label)
        for image_id, source, box, region in zip(
            rows.image_ids.tolist(),
            rows.source.tolist(),
            rows.boxes.tolist(),
            rows.region.tolist(),
            strict=True,
        )
    )


def test_the_most_inconsistent_images_go_first(project):
    assert select(project) == (4, 2)
    waiting = [task for task in queue(project) if not task.is_done]
    assert [(t.image_id, t.rank, t.score, t.iteration) for t in waiting] == [
        (4, 0, 0.9, 1),
        (2, 1, 0.75, 1),
    ]
    counts = region_counts(project)
    assert counts == {(t.id, region): 1 for t in waiting for region in ("red", "green")}


def test_the_regions_stored_are_those_of_the_method(project):
    chosen = select(project)
    boxes = {row["id"]: row for row in rows_of(project, schema.box)}
    stored = sorted(
        (
            boxes[row["box_id"]]["image_id"],
            boxes[row["box_id"]]["source"],
            tuple(float(boxes[row["box_id"]][name]) for name in ("x1", "y1", "x2", "y2")),
            row["region"],
        )
        for row in rows_of(project, schema.region)
    )
    assert stored == sorted_boxes(project, chosen)


def test_one_open_box_is_offered_for_each_object_somebody_saw(project):
    select(project)
    image_of = {task.id: task.image_id for task in queue(project)}
    offered = {
        (image_of[task_id], box.source, box.corners)
        for task_id, box in current_boxes(project)
        if box.state == "open"
    }
    assert offered == {
        (2, "mp", A),
        (2, "mp", D),
        (2, "ma", C),
        (2, "crowd", B),
        (4, "ma", A),
        (4, "crowd", C),
    }


def test_every_remaining_image_is_ranked_with_its_counts(project):
    select(project)
    ranking = {row["image_id"]: row for row in rows_of(project, schema.ranking)}
    counts = {
        i: tuple(row[region] for region in ("red", "pink", "green", "gray"))
        for i, row in ranking.items()
    }
    assert counts == {2: (1, 1, 1, 3), 3: (0, 0, 0, 4), 4: (1, 0, 1, 0)}
    assert [ranking[i]["rank"] for i in (4, 2, 3)] == [0, 1, 2]


def test_ties_depend_on_the_seed_alone(tmp_path):
    orders = set()
    for seed in range(3):
        for copy in "ab":
            project = make(
                tmp_path / f"{seed}{copy}", {1: [A]}, 6, {1: [A]}, seed=seed, per_iteration=5
            )
            see(project, 0, [], [])
            order = select(project)
            assert sorted(order) == [2, 3, 4, 5, 6]
            orders.add((seed, order))
    assert len(orders) == 3
    assert len({order for _, order in orders}) > 1


def test_all_that_remain_are_taken_where_k_is_larger(tmp_path):
    project = make(tmp_path, CROWD, clean={1: [A], 2: [A]}, per_iteration=3)
    see(project, 0, MP[2:], MA[2:])
    assert select(project) == (4, 3)


def test_images_without_crowd_boxes_take_part(tmp_path):
    project = make(tmp_path, {1: [A]}, images=3, clean={1: [A]})
    see(project, 0, [], [(3, A, 0.6)])
    assert select(project) == (3,)


def test_the_random_strategy_still_stores_what_the_models_found(tmp_path):
    project = make(tmp_path, CROWD, clean={1: [A]}, strategy="random")
    see(project, 0, MP, MA)
    [chosen] = select(project)
    assert {row["image_id"] for row in rows_of(project, schema.ranking)} == {2, 3, 4}
    assert chosen in (2, 3, 4)


def test_another_seed_makes_another_ranking(tmp_path):
    project = make(tmp_path, CROWD, clean={1: [A]}, strategy="random")
    see(project, 0, MP, MA)
    orders = set()
    for seed in range(6):
        project.change(method={"seed": seed})
        orders.add(tuple(row.image_id for row in ranked(project).rows))
    assert len(orders) > 1


@pytest.mark.parametrize(
    "step", [(BoxRepository, "add_sorted"), (sorting, "write_tasks"), (EventRepository, "add")]
)
def test_a_selection_that_is_interrupted_can_be_made_again(project, monkeypatch, step):
    def crash(*_arguments):
        raise KeyboardInterrupt

    ranked(project)  # is kept before anything is handed out
    tables = (schema.box, schema.region, schema.task, schema.ranking, schema.event)
    before = [rows_of(project, table) for table in tables]
    with monkeypatch.context() as patch:
        patch.setattr(*step, crash)
        with pytest.raises(KeyboardInterrupt):
            select(project)
    assert [rows_of(project, table) for table in tables] == before
    assert select(project) == (4, 2)


def test_a_second_selection_waits_for_the_review(project):
    select(project)
    with pytest.raises(AlcError, match="2 images wait for a pathologist"):
        select(project)


@pytest.mark.parametrize("harm", ["removed", "cut"])
def test_lost_detections_are_not_taken_for_empty_images(project, harm):
    piece = project.run_folder(0, "ma") / "detections" / "remaining" / "piece-000000.npz"
    content = piece.read_bytes()
    piece.unlink()
    if harm == "cut":
        piece.write_bytes(content[: len(content) // 2])
    with pytest.raises(AlcError, match="missing or damaged"):
        select(project)
    piece.write_bytes(content)
    assert status(project).next_step is Step.SELECT
    assert select(project) == (4, 2)


def test_models_that_see_nothing_leave_every_crowd_box_green(tmp_path):
    project = make(tmp_path, CROWD, clean={1: [A]}, per_iteration=3)
    see(project, 0, [], [])
    select(project)
    assert {row["region"] for row in rows_of(project, schema.region)} == {"green"}
    scores = [row["evaluation_score"] for row in rows_of(project, schema.region)]
    assert np.array_equal(scores, np.zeros(4))

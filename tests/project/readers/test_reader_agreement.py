from __future__ import annotations

from itertools import pairwise

import pytest
from builders import make_project
from reading_together import CORNER, ids_of, read, read_step2

from napari_alc.project.annotation.decisions import open_document
from napari_alc.project.annotation.tasks import next_open_task, queue
from napari_alc.project.readers.agreement import agreement, differences
from napari_alc.project.readers.sharing import share
from napari_alc.project.storage.records import ReviewStep
from napari_alc.wording import verdict_words


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=3)
    share(project, ["Ada", "Bob", "Cy"])
    yield project
    project.close()


def pair(project, first, second):
    [found] = [p for p in agreement(project) if (p.first, p.second) == (first, second)]
    return found


def test_there_is_no_agreement_before_two_have_read_an_image(project):
    read(project, next_open_task(project), "Ada")
    assert agreement(project) == ()


def test_pairs_are_compared_on_the_images_both_have_finished(project):
    first, second = (task for task in queue(project) if not task.is_done)
    read(project, first, "Ada", delete=ids_of(project, first)[:2])
    read(project, first, "Bob", delete=ids_of(project, first)[1:3], add=[CORNER])
    read(project, second, "Ada", delete=ids_of(project, second))
    [found] = agreement(project)
    assert (found.first, found.second, found.images, found.boxes) == ("Ada", "Bob", 1, 8)
    # Ada kept 6, Bob kept 6 and drew 1; 5 of them are the same
    assert found.f1 == pytest.approx(2 * 5 / 13)
    # They say the same of 6 of 8; by chance of (6 * 6 + 2 * 2) / 64
    assert found.kappa == pytest.approx((6 / 8 - 40 / 64) / (1 - 40 / 64))
    assert found.why_no_kappa == ""


def test_a_changed_box_counts_as_kept(project):
    task = next_open_task(project)
    moved, gone, *_ = ids_of(project, task)
    read(project, task, "Ada", move={moved: (0, 0, 9, 9)}, delete=[gone])
    read(project, task, "Bob", delete=[gone])
    found = pair(project, "Ada", "Bob")
    assert found.kappa == 1
    assert found.f1 == pytest.approx(2 * 6 / 14)


def test_readers_who_keep_everything_have_no_kappa(project):
    task = next_open_task(project)
    for reader in ("Ada", "Bob", "Cy"):
        read(project, task, reader)
    found = agreement(project)
    assert [(p.first, p.second) for p in found] == [("Ada", "Bob"), ("Ada", "Cy"), ("Bob", "Cy")]
    assert {p.kappa for p in found} == {None}
    assert {p.why_no_kappa for p in found} == {
        "both said the same of every box, all kept or all deleted"
    }
    assert {p.f1 for p in found} == {1.0}


def test_labels_that_the_program_settled_say_nothing_about_readers(tmp_path):
    project = make_project(tmp_path, images=2, step=ReviewStep.OPEN_BOXES)
    share(project, ["Ada", "Bob"])
    task = next_open_task(project)
    opened = [box.id for box in open_document(project, task, "Eve").open_boxes]
    read_step2(project, "Ada", opened)
    read_step2(project, "Bob", [])
    [found] = agreement(project)
    assert found.boxes == len(opened)
    assert (found.f1, found.kappa) == (0, 0)
    project.close()


def test_differences_come_in_the_order_of_the_queue(project):
    for task in queue(project):
        if not task.is_done:
            read(project, task, "Ada", delete=ids_of(project, task)[:1])
            read(project, task, "Bob")
            read(project, task, "Cy")
    found = differences(project)
    ranks = {task.id: task.rank for task in queue(project)}
    assert len(found) == 2
    assert all(ranks[a.task_id] <= ranks[b.task_id] for a, b in pairwise(found))
    assert {verdict_words(f.verdicts) for f in found} == {"Ada deleted it, Bob kept it, Cy kept it"}
    assert {f.category for f in found} == {"deposit"}

"""What the automatic correction rests on, and when an audit is recommended."""

from __future__ import annotations

import pytest
from hand_made import A, B, C, D, label_set, make, see

from napari_alc.project.simulated_review import review_everything
from napari_alc.project.steps.audit import draw
from napari_alc.project.steps.grounds import ERRS_MORE, NOT_AUDITED, POOR_AP50, grounds

CROWD = {1: [A], 2: [A], 3: [A], 4: [C]}
TRUTH = {1: [A], 2: [A, D], 3: [A], 4: [C]}


@pytest.fixture
def project(tmp_path):
    made = make(tmp_path, CROWD, images=4, clean={1: [A]}, per_iteration=2, iterations=2)
    yield made
    made.close()


def seen(project, boxes):
    rows = [(i, box, 0.9) for i, found in boxes.items() if i > 1 for box in found]
    see(project, 0, rows, rows)


def measure(project, mp, ma):
    with project.store.transaction() as unit:
        unit.runs.set_metrics(0, "mp", {"validation_AP50": mp})
        unit.runs.set_metrics(0, "ma", {"validation_AP50": ma})


def audit_all(project):
    draw(project, 3, "Ada")
    review_everything(project, label_set(TRUTH, 4).labels)


def test_good_models_need_no_audit_but_their_claims_say_that_there_was_none(project):
    seen(project, TRUTH)
    measure(project, POOR_AP50, 88.0)
    found = grounds(project)
    assert "the expert's model (Mp) 50.0 and the shared model (Ma) 88.0 AP50" in found.sentences[0]
    assert found.sentences[1] == NOT_AUDITED
    assert found.advice == ""
    assert found.caveat.endswith("no audit has judged what they make of the labels")


def test_a_poor_model_is_named_with_its_number(project):
    seen(project, TRUTH)
    measure(project, 80.0, POOR_AP50 - 0.1)
    found = grounds(project)
    assert "the shared model (Ma) has 49.9" in found.advice
    assert "Mp" not in found.advice
    assert "the shared model (Ma) has 49.9" in found.caveat


def test_without_validation_images_an_audit_is_recommended(project):
    seen(project, TRUTH)
    found = grounds(project)
    assert "not measured" in found.sentences[0]
    assert "An audit is recommended" in found.advice


def test_an_audit_tells_what_the_correction_would_get_wrong(project):
    seen(project, TRUTH)
    measure(project, 80.0, 80.0)
    audit_all(project)
    found = grounds(project)
    assert (
        "in 3 images drawn by chance the correction would get 0 of 4 labels wrong"
        in (found.sentences[1])
    )
    assert "overlook 0 of 4 objects" in found.sentences[1]
    assert found.advice == found.caveat == ""


def test_a_correction_that_errs_more_than_the_crowd_is_advised_against(project):
    seen(project, {2: [A, B], 3: [A, B], 4: [C, B]})
    measure(project, 80.0, 80.0)
    audit_all(project)
    assert grounds(project).advice == ERRS_MORE

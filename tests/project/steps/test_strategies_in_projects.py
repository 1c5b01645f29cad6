"""Every selection strategy in a project: train, predict, select."""

from __future__ import annotations

import json

import pytest

from napari_alc.cleaning.selection import STRATEGIES
from napari_alc.errors import AlcError, Cancelled
from napari_alc.project.project import Project
from napari_alc.project.settings import change_settings
from napari_alc.project.status import Step, run_of, status
from napari_alc.project.steps.overrides import keep_ranking, ranked
from napari_alc.project.steps.predict import predict
from napari_alc.project.steps.train import train
from napari_alc.project.strategy_measurements import measured_values
from tiny_projects import IMAGES, REVIEWED, make_project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Trained for the strategy that asks most of a training."""
    made = with_strategy(make_project(tmp_path_factory.mktemp("strategies")), "llal")
    train(made)
    return made


def with_strategy(project, name, **more):
    change_settings(project.folder, method={"strategy": name, **more})
    return Project.open(project.folder)


def kept(project, name):
    return project.run_folder(0, "mp") / f"strategy-{name}.json"


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_project_predicts_and_ranks_by_each_strategy(project, name):
    asked = with_strategy(project, name)
    predict(asked)
    assert status(asked).next_step == Step.SELECT
    order = [image.image_id for image in ranked(asked).rows]
    assert sorted(order) == list(range(REVIEWED + 1, IMAGES + 1))
    if STRATEGIES[name].needs_model:
        found = json.loads(kept(asked, name).read_text(encoding="utf-8"))
        values = dict(zip(found["image_ids"], found["values"], strict=True))
        assert sorted(values) == sorted(order)
        best_last = name in ("llal", "lc", "ls-c")
        in_order = [round(values[image_id], 9) for image_id in order]
        assert in_order == sorted(in_order, reverse=best_last)


def test_what_is_measured_is_kept_and_not_measured_again(project):
    asked = with_strategy(project, "lc")
    predict(asked)
    before = kept(asked, "lc").stat().st_mtime_ns
    told = []
    predict(asked, report=told.append)
    assert kept(asked, "lc").stat().st_mtime_ns == before
    assert "measure" not in {progress.step for progress in told}


def test_a_strategy_set_after_the_prediction_asks_for_another_one(project):
    asked = with_strategy(project, "cald")
    predict(asked)
    kept(asked, "cald").unlink()
    found = status(asked)
    assert found.next_step == Step.PREDICT
    assert "look again" in found.sentence
    with pytest.raises(AlcError, match="Predict again"):
        keep_ranking(with_strategy(asked, "cald", seed=5), 0)
    predict(asked)
    assert status(asked).next_step == Step.SELECT


def test_damaged_measurements_are_made_again(project):
    asked = with_strategy(project, "lc")
    predict(asked)
    before = kept(asked, "lc").read_bytes()
    kept(asked, "lc").write_bytes(before[: len(before) // 2])
    predict(asked)
    assert kept(asked, "lc").read_bytes() == before


def test_measuring_can_be_cancelled_and_is_gone_on_with(project):
    asked = with_strategy(project, "vaal")
    kept(asked, "vaal").unlink(missing_ok=True)
    steps = []
    with pytest.raises(Cancelled):
        predict(
            asked, report=lambda p: steps.append(p.step), should_stop=lambda: "measure" in steps
        )
    assert not kept(asked, "vaal").exists()
    predict(asked)
    assert kept(asked, "vaal").exists()


def test_after_the_last_iteration_nothing_is_measured(project):
    asked = with_strategy(project, "ls-c", iterations=0)
    kept(asked, "ls-c").unlink(missing_ok=True)
    predict(asked)
    assert not kept(asked, "ls-c").exists()
    keep_ranking(asked, 0)
    assert status(asked).next_step == Step.CORRECT
    with_strategy(asked, "score", iterations=1)


def test_a_strategy_that_mp_was_not_trained_for_says_so_and_training_again_helps(tmp_path):
    made = make_project(tmp_path)
    train(made)
    asked = with_strategy(made, "llal")
    with pytest.raises(AlcError, match="Train this iteration again"):
        predict(asked)
    ma_before = run_of(asked, 0, "ma").trained_at
    train(asked)
    assert run_of(asked, 0, "ma").trained_at == ma_before
    predict(asked)
    assert status(asked).next_step == Step.SELECT


def test_strategies_that_look_at_nothing_measure_nothing(project):
    assert measured_values(with_strategy(project, "random"), 0, []) is None

"""A campaign of a comparison is a project's, without its store."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alc_experiments import campaign
from alc_experiments.campaign import CampaignRound, Protocol, initial_draw, rounds
from alc_experiments.dataset import DatasetPlan
from alc_experiments.experiment import TrainedModel
from napari_alc.detection.acquisition import strategies
from napari_alc.errors import AlcError
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.project import MODELS
from napari_alc.project.settings import MethodSettings
from napari_alc.project.steps.create import CreateOptions, Sources, create_project
from napari_alc.project.steps.predict import detections_of
from napari_alc.project.steps.select import select
from tiny_experiments import make_experiment
from tiny_projects import IMAGES, make_project, pretend_predicted


@pytest.fixture
def experiment(tmp_path):
    return make_experiment(tmp_path)


@pytest.mark.parametrize("seed", range(3))
def test_the_first_images_are_those_that_a_project_draws(experiment, tmp_path, seed):
    data = experiment.data
    method = MethodSettings(initial=data.plan.initial, seed=seed)
    sources = Sources(data.folder, data.crowd, tmp_path / "crowd.json")
    project = create_project(tmp_path / "study", sources, CreateOptions(method))
    drawn = {task.image_id for task in queue(project)}
    project.close()
    assert set(initial_draw(replace(experiment, seed=seed))) == drawn


@pytest.mark.parametrize("strategy", ["score", "random"])
def test_the_next_images_are_those_that_a_project_selects(tmp_path, monkeypatch, strategy):
    project = make_project(tmp_path / "project")
    project.change(method={"strategy": strategy})
    pretend_predicted(project)
    rest = range(4, IMAGES + 1)
    seen = tuple(detections_of(project, 0, model, rest) for model in MODELS)
    monkeypatch.setattr(campaign, "found", lambda *_: seen)
    crowd = project.crowd_labels()
    experiment = make_experiment(tmp_path / "experiment")
    experiment = replace(
        experiment,
        data=replace(experiment.data, truth=crowd, crowd=crowd, plan=DatasetPlan(3, 2, 1)),
    )
    done = CampaignRound(0, (1, 2, 3), TrainedModel(tmp_path), None, 0.5)
    chosen = campaign.next_images(experiment, Protocol(strategy), done)
    assert chosen == select(project)
    project.close()


def test_each_iteration_adds_k_images_and_keeps_those_before(experiment):
    first, second = rounds(experiment, Protocol())
    assert [len(first.image_ids), len(second.image_ids)] == [3, 5]
    assert second.image_ids[:3] == first.image_ids
    assert len(set(second.image_ids)) == 5
    assert {first.iteration, second.iteration} == {0, 1}


def test_a_campaign_that_is_run_again_chooses_the_same_images(experiment):
    assert [done.image_ids for done in rounds(experiment, Protocol("random"))] == [
        done.image_ids for done in rounds(experiment, Protocol("random"))
    ]


def test_without_ma_there_is_nothing_to_see_through_its_eyes(experiment):
    for done in rounds(experiment, Protocol(with_ma=False)):
        assert done.ma is None
        assert len(campaign.found(experiment, done)[1]) == 0


def test_models_are_asked_about_images_only_that_they_have_not_learned_from(experiment):
    for done in rounds(experiment, Protocol()):
        for seen in campaign.found(experiment, done):
            assert not set(seen.image_ids.tolist()) & set(done.image_ids)


def test_a_crowd_that_agrees_nowhere_is_told(experiment):
    nobody = experiment.data.crowd.with_labels(experiment.data.crowd.labels.take([]))
    with pytest.raises(AlcError, match="nothing for Ma to learn from"):
        list(rounds(replace(experiment, data=replace(experiment.data, crowd=nobody)), Protocol()))


@pytest.mark.parametrize("strategy", ["lc", "vaal"])
def test_a_strategy_that_looks_is_asked_once_for_the_images_that_are_left(
    experiment, monkeypatch, strategy
):
    asked = []
    monkeypatch.setattr(
        strategies,
        "measure",
        lambda name, pool, *_: (
            asked.append((name, [i for i, _ in pool.unlabelled], [i for i, _ in pool.labelled])),
            np.arange(5.0),
        )[1],
    )
    first, second = rounds(experiment, Protocol(strategy))
    left = sorted(set(experiment.data.truth.image_ids.tolist()) - set(first.image_ids))
    assert asked == [(strategy, left, sorted(first.image_ids))]
    smallest_first = strategy == "vaal"
    assert second.image_ids[3:] == tuple(left[:2] if smallest_first else left[:-3:-1])
    assert [done.image_ids for done in rounds(experiment, Protocol(strategy))][
        1
    ] == second.image_ids
    assert len(asked) == 1

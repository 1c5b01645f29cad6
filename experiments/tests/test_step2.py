"""Step 2 of a comparison is a project's, without its store; likewise what a campaign costs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from alc_experiments import step2
from alc_experiments.campaign import CampaignRound, Protocol
from alc_experiments.dataset import Dataset, DatasetPlan
from alc_experiments.experiment import Experiment, TrainedModel
from alc_experiments.step2 import clean_up, review_rest, step1_edits
from napari_alc.boxes import as_boxes
from napari_alc.cleaning.regions import Thresholds
from napari_alc.formats.images import write_tiff
from napari_alc.labels import Category, Detections, ImageRecord, LabelSet, numbered
from napari_alc.project.label_sets import clean_labels, images_of_step1, remaining_images
from napari_alc.project.project import MODELS, Project
from napari_alc.project.settings import MethodSettings
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.steps.correct import correct_remaining
from napari_alc.project.steps.create import CreateOptions, Sources, create_project
from napari_alc.project.steps.forecast import budget
from napari_alc.project.steps.predict import detections_of, tau_of
from napari_alc.project.steps.select import select
from napari_alc.project.storage.prediction_files import save_piece
from napari_alc.project.storage.records import ModelName, RunRecord
from napari_alc.project.storage.repository import now
from napari_alc.simulation.crowd import NoiseRates, add_noise
from tiny_experiments import make_data

SIDE, IMAGES = 200, 9
CATEGORIES = (Category(2, "cell"), Category(5, "platelet"))
POOR_CROWD = NoiseRates(background=0.4, miss=0.2, location=0.3, box_in_box=0.3)
POOR_MODEL = NoiseRates(background=0.3, miss=0.3, location=0.2, box_in_box=0.0)
TAUS = (0.3, 0.45)
CAMPAIGN = DatasetPlan(initial=2, per_iteration=2, iterations=1)


def scene(seed):
    """Images of ten boxes of two kinds, some of them overlapping."""
    rng = np.random.default_rng(seed)
    count = 10 * IMAGES
    size, corner = rng.uniform(15, 45, (count, 2)), rng.uniform(0, 150, (count, 2))
    records = tuple(ImageRecord(i, f"{i}.tif", SIDE, SIDE) for i in range(1, IMAGES + 1))
    image_ids = np.repeat([record.id for record in records], 10)
    boxes = np.hstack([corner, np.minimum(corner + size, SIDE)])
    return LabelSet(records, CATEGORIES, numbered(image_ids, rng.choice([2, 5], count), boxes))


def seen_by(truth, seed):
    """What a mediocre model makes of the images: most confident first in each."""
    rows = add_noise(truth, POOR_MODEL, seed).label_set.labels
    rng = np.random.default_rng(seed)
    shifted = np.clip(rows.boxes + rng.uniform(-4, 4, rows.boxes.shape), 0, SIDE)
    scores = rng.uniform(0.05, 1, len(rows))
    order = np.lexsort((-scores, rows.image_ids))
    return Detections(rows.image_ids, rows.category_ids, as_boxes(shifted), scores).take(order)


@dataclass(frozen=True)
class Study:
    """A project and the clean labels that its simulated pathologist knows."""

    project: Project
    truth: LabelSet
    crowd: LabelSet

    def predict(self, iteration: int) -> None:
        """Store what two models of an iteration would have seen."""
        ids = [image.id for image in remaining_images(self.project, iteration)]
        for number, model in enumerate(MODELS):
            seen = seen_by(self.truth.of_images(ids), 10 * iteration + number)
            folder = self.project.run_folder(iteration, model) / "detections" / "remaining"
            save_piece(folder / "piece-000000.npz", seen, "by hand", ids)
            done = {"trained_at": now(), "predicted_at": now(), "threshold": TAUS[iteration]}
            run = RunRecord(iteration, ModelName(model), {}, images=1, boxes=1, **done, metrics={})
            with self.project.store.transaction() as unit:
                unit.runs.replace(run)

    def finish(self) -> None:
        """Run the project to its end."""
        review_everything(self.project, self.truth.labels)
        self.predict(0)
        select(self.project)
        review_everything(self.project, self.truth.labels)
        self.predict(1)
        correct_remaining(self.project)
        review_everything(self.project, self.truth.labels)

    def experiment(self, folder) -> Experiment:
        """The same data for a comparison."""
        data = Dataset("boxes", folder, self.truth, self.crowd, None, self.truth, CAMPAIGN)
        return Experiment(data, 0, folder / "store", "cpu")

    def rounds(self) -> tuple[CampaignRound, ...]:
        """The project's iterations, the images of each behind those before."""
        passed: list[CampaignRound] = []
        for iteration in range(2):
            before = passed[-1].image_ids if passed else ()
            ids = [image.id for image in images_of_step1(self.project, iteration)]
            new = [id_ for id_ in ids if id_ not in before]
            model = TrainedModel(self.project.run_folder(iteration, "mp"))
            tau = tau_of(self.project, iteration)
            passed.append(CampaignRound(iteration, (*before, *new), model, model, tau))
        return tuple(passed)

    def found(self, done: CampaignRound) -> tuple[Detections, ...]:
        """What the project's models saw."""
        ids = [image.id for image in remaining_images(self.project, done.iteration)]
        return tuple(detections_of(self.project, done.iteration, model, ids) for model in MODELS)


@pytest.fixture(params=[0, 2, 3])
def study(tmp_path, request):
    truth = scene(request.param)
    for image in truth.images:
        write_tiff(tmp_path / "images" / image.file_name, np.zeros((SIDE, SIDE), np.uint8))
    crowd = add_noise(truth, POOR_CROWD, request.param).label_set
    method = MethodSettings(initial=2, per_iteration=2, iterations=1, seed=request.param)
    sources = Sources(tmp_path / "images", crowd, tmp_path / "crowd.json")
    project = create_project(tmp_path / "study", sources, CreateOptions(method))
    yield Study(project, truth, crowd)
    project.close()


@pytest.fixture
def experiment_of_study(study, tmp_path, monkeypatch):
    """An experiment whose campaign is what the project went through."""
    study.finish()
    monkeypatch.setattr(step2, "rounds", lambda *_: study.rounds())
    monkeypatch.setattr(step2, "found", lambda _, done: study.found(done))
    return study.experiment(tmp_path)


def as_set(labels):
    rows = labels.labels
    columns = (rows.image_ids, rows.category_ids, np.round(rows.boxes, 6))
    found = [(int(i), int(c), *b) for i, c, b in zip(*(x.tolist() for x in columns), strict=True)]
    assert len(set(found)) == len(found)
    return set(found)


def test_labels_and_budget_are_those_of_the_simulated_project(study, experiment_of_study):
    done = clean_up(experiment_of_study, Protocol())
    assert as_set(done.step2.labels) == as_set(clean_labels(study.project).label_set)
    assert done.spent == budget(study.project, len(study.truth.labels))
    assert min(done.step2.red, done.step2.green, done.step2.added) > 0
    assert min(len(done.step2.settlement.removed), done.spent.step1_edits) > 0


def test_the_edits_of_fewer_rounds_are_those_of_the_project_at_that_time(
    study, experiment_of_study
):
    first, _ = study.rounds()
    then = budget(study.project, len(study.truth.labels), iteration=0)
    assert step1_edits(experiment_of_study, Protocol(), (first,)) == then.step1_edits > 0
    assert clean_up(experiment_of_study, Protocol(), (first,)).spent.step1_edits == then.step1_edits


@pytest.fixture
def data(tmp_path):
    """Five boxes; the crowd drew one well, and one box around two others."""
    data = make_data(tmp_path)
    return replace(data, truth=labels_of(data, A, B, C, D, E), crowd=labels_of(data, A, AROUND))


A, B, C = (0, 0, 10, 10), (20, 0, 30, 10), (32, 0, 42, 10)
D, E = (0, 50, 10, 60), (80, 80, 95, 95)
AROUND = (19, 0, 43, 11)


def labels_of(data, *boxes):
    """Labels of image 2."""
    return data.truth.with_labels(numbered([2] * len(boxes), [1] * len(boxes), as_boxes(boxes)))


def seen(*boxes):
    return Detections([2] * len(boxes), [1] * len(boxes), boxes, [0.9] * len(boxes))


def corners(settled):
    return sorted(tuple(map(int, box)) for box in settled.labels.labels.boxes)


def automatic(settled):
    return len(settled.settlement.automatic)


def removed(settled):
    return len(settled.settlement.removed)


NOBODY = Detections.empty()


def test_red_and_green_boxes_are_reviewed_and_what_they_show_is_added(data):
    settled = review_rest(data, [1], seen(A), seen(D), Thresholds())
    assert (settled.red, settled.green, settled.added) == (1, 1, 1)
    assert (automatic(settled), removed(settled), settled.step2_boxes) == (1, 0, 3)
    assert corners(settled) == sorted([A, B, C, D])


def test_without_a_person_only_automatic_labels_are_left_and_cost_nothing(data):
    settled = review_rest(data, [1], seen(A), seen(D), Thresholds(), reviewed=False)
    assert corners(settled) == [A]
    assert (settled.red, settled.green, settled.step2_boxes) == (1, 1, 0)


def test_the_box_in_box_module_saves_a_review_and_may_lose_an_object(data):
    with_module = review_rest(data, [1], seen(A, B), NOBODY, Thresholds())
    without = review_rest(data, [1], seen(A, B), NOBODY, Thresholds(), box_in_box=False)
    assert (removed(with_module), with_module.green) == (1, 0)
    assert (removed(without), without.green) == (0, 1)
    assert with_module.settlement.removed.boxes.tolist() == [list(AROUND)]
    assert corners(with_module) == sorted([A, B])
    assert corners(without) == sorted([A, B, C])


def test_where_only_the_crowd_and_ma_agree_the_reading_decides(data):
    close = (0, 0, 10, 9)
    kept = {
        reading: corners(
            review_rest(data, [1], NOBODY, seen(close), Thresholds(gray_without_mp=reading))
        )
        for reading in ("ma", "crowd")
    }
    assert close in kept["ma"] and A not in kept["ma"]
    assert A in kept["crowd"] and close not in kept["crowd"]


def test_images_of_step_1_have_the_truth_whatever_was_seen(data):
    settled = review_rest(data, [2], NOBODY, NOBODY, Thresholds())
    assert corners(settled) == sorted([A, B, C, D, E])
    assert (settled.step1_boxes, settled.step2_boxes, automatic(settled)) == (5, 0, 0)

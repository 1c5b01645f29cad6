"""Files of a training or a prediction that were lost, or damaged, after it had ended."""

from __future__ import annotations

import numpy as np
import pytest
from hand_made import A, label_set, make, see
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.errors import AlcError
from napari_alc.project.simulated_review import review_everything
from napari_alc.project.status import LOST, Step, run_of, status
from napari_alc.project.steps.correct import correct_remaining
from napari_alc.project.steps.overrides import ranked
from napari_alc.project.steps.predict import predict
from napari_alc.project.steps.select import select
from napari_alc.project.steps.train import train
from napari_alc.project.storage import prediction_files
from napari_alc.project.storage.prediction_files import images_looked_at, is_whole_archive
from tiny_projects import make_project


def remove(path):
    path.unlink()


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def spoil(path):
    """Change one byte in the middle, where the tensors or arrays are."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


HARMS = [remove, cut, spoil]


@pytest.fixture
def trained(tmp_path):
    project = make_project(tmp_path, iterations=2)
    train(project)
    yield project
    project.close()


def weights(project, model):
    return project.run_folder(0, model) / "weights.pt"


@pytest.mark.parametrize("harm", HARMS)
def test_a_detector_that_was_lost_is_trained_again_and_the_other_one_is_kept(trained, harm):
    before = {model: weights(trained, model).read_bytes() for model in ("mp", "ma")}
    kept = run_of(trained, 0, "mp").trained_at
    assert status(trained).next_step is Step.PREDICT
    harm(weights(trained, "ma"))
    found = status(trained)
    assert found.next_step is Step.TRAIN
    assert found.sentence == LOST[Step.TRAIN].format(i=0, g=1)
    with pytest.raises(AlcError, match="missing or damaged on the disk"):
        predict(trained)
    train(trained)
    assert status(trained).next_step is Step.PREDICT
    assert weights(trained, "mp").read_bytes() == before["mp"]
    assert run_of(trained, 0, "mp").trained_at == kept
    predict(trained)
    assert status(trained).next_step is Step.SELECT


@pytest.mark.parametrize("harm", HARMS)
def test_what_was_seen_and_is_lost_is_looked_at_again(trained, harm):
    predict(trained)
    piece = trained.run_folder(0, "mp") / "detections" / "remaining" / "piece-000000.npz"
    other = trained.run_folder(0, "ma") / "detections" / "remaining" / "piece-000000.npz"
    content, made = piece.read_bytes(), other.stat().st_mtime_ns
    harm(piece)
    found = status(trained)
    assert found.next_step is Step.PREDICT
    assert found.sentence == LOST[Step.PREDICT].format(i=0, g=1)
    for step in (select, correct_remaining, ranked):
        with pytest.raises(AlcError):
            step(trained)
    predict(trained)
    assert piece.read_bytes() == content
    assert other.stat().st_mtime_ns == made
    assert status(trained).next_step is Step.SELECT


def test_without_detector_and_detections_the_training_comes_first(trained):
    predict(trained)
    remove(weights(trained, "mp"))
    assert status(trained).next_step is Step.SELECT  # nobody needs it any more
    remove(trained.run_folder(0, "mp") / "detections" / "remaining" / "piece-000000.npz")
    assert status(trained).next_step is Step.TRAIN
    train(trained)
    predict(trained)
    assert status(trained).next_step is Step.SELECT


@pytest.mark.parametrize("content", [None, "", "[1]"])
def test_a_training_whose_record_is_lost_is_made_again(trained, content):
    record = trained.run_folder(0, "mp") / "metrics.json"
    before = record.read_text()
    record.unlink()
    if content is not None:
        record.write_text(content)
    train(trained)
    assert '"loss"' in record.read_text()
    assert len(record.read_text()) > len(before) // 2
    assert is_whole_archive(weights(trained, "mp"))
    assert status(trained).next_step is Step.PREDICT


def test_after_the_correction_nothing_of_it_is_needed(tmp_path):
    project = make(tmp_path, {1: [A]}, clean={1: [A]}, iterations=0)
    see(project, 0, [], [])
    correct_remaining(project)
    remove(project.run_folder(0, "mp") / "detections" / "remaining" / "piece-000000.npz")
    review_everything(project, label_set({1: [A]}, 4).labels)
    assert status(project).next_step is Step.EXPORT
    project.close()


@pytest.fixture(scope="module")
def piece(tmp_path_factory):
    path = tmp_path_factory.mktemp("piece") / "piece-000000.npz"
    np.savez_compressed(path, asked=np.arange(5), boxes=np.random.default_rng(0).random((40, 4)))
    return path, path.read_bytes()


@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_that_was_cut_anywhere_is_not_whole(piece, share):
    path, content = piece
    path.write_bytes(content)
    assert images_looked_at(path.parent) == 5
    path.write_bytes(content[: int(share * len(content))])
    assert not is_whole_archive(path)
    assert images_looked_at(path.parent) == 0


def test_a_file_is_read_once_until_it_changes(piece, monkeypatch):
    path, content = piece
    path.write_bytes(content)
    opened = []
    archive = prediction_files.ZipFile

    def count(name):
        opened.append(name)
        return archive(name)

    monkeypatch.setattr(prediction_files, "ZipFile", count)
    prediction_files._array.cache_clear()
    assert [images_looked_at(path.parent) for _ in range(3)] == [5, 5, 5]
    assert opened == [path]
    path.write_bytes(content[:-1])
    assert images_looked_at(path.parent) == 0
    assert len(opened) == 2

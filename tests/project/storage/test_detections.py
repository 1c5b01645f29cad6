from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from napari_alc.errors import BadData, Cancelled
from napari_alc.labels import Detections
from napari_alc.progress import Progress, never
from napari_alc.project.storage import prediction_files
from napari_alc.project.storage.prediction_files import load_pieces, predict_pieces


class Detector:
    """Finds one box an image, whose corner is the image's id, and remembers what it saw."""

    def __init__(self):
        self.seen = []
        self.stop_after = 10**9

    def predict(self, _weights, images, report, should_stop, _device, *, cache, together):
        assert (cache, together) == (None, prediction_files.IMAGES_A_PIECE)
        for done, (image_id, _) in enumerate(images, start=1):
            if should_stop() or len(self.seen) >= self.stop_after:
                raise Cancelled("predict")
            self.seen.append(image_id)
            report(Progress("predict", done, len(images)))
            yield Detections([image_id], [1], [[image_id, 0, image_id + 5, 5]], [0.5])


@pytest.fixture
def detector(monkeypatch):
    made = Detector()
    monkeypatch.setattr(prediction_files, "IMAGES_A_PIECE", 2)
    module = SimpleNamespace(predict=made.predict)
    monkeypatch.setitem(sys.modules, "napari_alc.detection.inference.prediction", module)
    return made


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "weights.pt"
    path.write_bytes(b"first")
    return path


def predicted(weights, ids, reports=None):
    report = (lambda _: None) if reports is None else reports.append
    images = [(i, weights.parent / f"{i}.tif") for i in ids]
    folder = weights.parent / "found"
    return predict_pieces(weights, images, folder, report, never, "cpu")


def test_detections_are_read_back_as_they_were_found(detector, weights):
    reports = []
    found = predicted(weights, [5, 6, 7], reports)
    assert found.image_ids.tolist() == [5, 6, 7]
    assert found.boxes[:, 0].tolist() == [5, 6, 7]
    assert [(report.done, report.total) for report in reports] == [(1, 3), (2, 3), (3, 3)]
    assert detector.seen == [5, 6, 7]


def test_what_was_found_before_an_interruption_is_kept(detector, weights):
    detector.stop_after = 3
    with pytest.raises(Cancelled):
        predicted(weights, [1, 2, 3, 4, 5])
    detector.stop_after, detector.seen, reports = 99, [], []
    assert predicted(weights, [1, 2, 3, 4, 5], reports).image_ids.tolist() == [1, 2, 3, 4, 5]
    assert detector.seen == [3, 4, 5]
    assert [(report.done, report.total) for report in reports] == [(3, 5), (4, 5), (5, 5)]


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


def scribble(path):
    content = bytearray(path.read_bytes())
    content[60:90] = bytes(30)
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [cut, scribble, empty])
def test_a_damaged_piece_is_made_again_alone(detector, weights, harm):
    whole = predicted(weights, [1, 2, 3, 4])
    path = weights.parent / "found" / "piece-000001.npz"
    harm(path)
    with pytest.raises(BadData, match=r"damaged.*Predict again"):
        load_pieces(path.parent, [1, 2, 3, 4])
    detector.seen = []
    assert np.array_equal(predicted(weights, [1, 2, 3, 4]).boxes, whole.boxes)
    assert detector.seen == [3, 4]


def test_a_piece_that_was_removed_is_missed(detector, weights):
    predicted(weights, [1, 2, 3, 4])
    (weights.parent / "found" / "piece-000000.npz").unlink()
    with pytest.raises(BadData, match="detections on 2 images are missing, first image 1"):
        load_pieces(weights.parent / "found", [1, 2, 3, 4])
    assert predicted(weights, [1, 2, 3, 4]).image_ids.tolist() == [1, 2, 3, 4]
    assert detector.seen == [1, 2, 3, 4, 1, 2]


def test_other_weights_look_at_everything_again(detector, weights):
    predicted(weights, [1, 2, 3])
    weights.write_bytes(b"second")
    predicted(weights, [1, 2, 3])
    assert detector.seen == [1, 2, 3] * 2


@pytest.mark.usefixtures("detector")
def test_pieces_of_a_longer_prediction_are_dropped(weights):
    predicted(weights, [1, 2, 3, 4, 5])
    assert predicted(weights, [1, 2]).image_ids.tolist() == [1, 2]
    assert len(list((weights.parent / "found").iterdir())) == 1


@pytest.mark.usefixtures("detector")
def test_nothing_to_look_at_is_no_error(weights):
    assert len(predicted(weights, [])) == 0
    assert len(load_pieces(weights.parent / "nowhere", [])) == 0


@pytest.mark.usefixtures("detector")
def test_absent_weights_are_named(tmp_path):
    with pytest.raises(BadData, match=r"weights\.pt: the trained detector cannot be read"):
        predicted(tmp_path / "weights.pt", [1])

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile
import torch
from scipy.ndimage import find_objects, label
from squares import CATEGORIES, make_images

from napari_alc.boxes import iou_matrix
from napari_alc.detection.data.cache import ImageCache
from napari_alc.detection.data.loading import read_ahead
from napari_alc.detection.inference import prediction
from napari_alc.detection.inference.prediction import detect, predict
from napari_alc.detection.models.weights import load_detector
from napari_alc.errors import AlcError, BadData, Cancelled
from napari_alc.evaluation.average_precision import average_precision
from napari_alc.labels import Detections, ImageRecord, LabelSet, numbered


def numbered_paths(images):
    return [(10 + index, image.path) for index, image in enumerate(images)]


def predicted(weights, images, **kwargs):
    parts = list(predict(weights, numbered_paths(images), **kwargs))
    return Detections.empty().joined(*parts)


def truth_of(images):
    rows = [(10 + i, 7, box) for i, image in enumerate(images) for box in image.boxes]
    ids, categories, boxes = zip(*rows, strict=True)
    records = tuple(ImageRecord(10 + i, image.path.name, 0, 0) for i, image in enumerate(images))
    return LabelSet(records, CATEGORIES, numbered(ids, categories, boxes))


def ap50(weights, images):
    return average_precision(truth_of(images), predicted(weights, images)).ap50


@pytest.fixture
def unseen(tmp_path):
    return make_images(tmp_path / "unseen", 6, seed=99)


def test_squares_are_learned(trained, unseen):
    assert ap50(trained, unseen) > 50


def test_sixteen_bit_images_are_predicted_alike(trained, tmp_path):
    assert ap50(trained, make_images(tmp_path, 6, seed=99, dtype=np.uint16)) > 50


def test_boxes_come_in_the_original_images_pixels(trained, tmp_path, unseen):
    large = []
    for image in unseen:
        path = tmp_path / image.path.name
        tifffile.imwrite(path, np.kron(tifffile.imread(image.path), np.ones((3, 3), np.uint8)))
        large.append((1, path))
    found = Detections.empty().joined(*predict(trained, large)).at_least(0.5)
    truth = np.concatenate([image.boxes for image in unseen]) * 3
    assert len(found)
    assert np.median(iou_matrix(found.boxes, truth).max(axis=1)) > 0.6
    assert (found.boxes[:, 2] <= 288).all() and (found.boxes[:, 3] <= 192).all()


def test_the_batch_size_changes_nothing(trained, tmp_path):
    images = [
        *make_images(tmp_path / "a", 3, seed=5),
        *make_images(tmp_path / "b", 2, seed=6, shape=(80, 70)),
        *make_images(tmp_path / "c", 2, seed=7),
    ]
    alone = predicted(trained, images, batch_size=1)
    for batch_size in (3, None):
        together = predicted(trained, images, batch_size=batch_size)
        assert np.array_equal(together.image_ids, alone.image_ids)
        assert np.array_equal(together.category_ids, alone.category_ids)
        assert np.allclose(together.boxes, alone.boxes, atol=0.01)
        assert np.allclose(together.scores, alone.scores, atol=1e-4)


class Scripted(torch.nn.Module):
    """Finds in each image it is given what it was told to, for up to `fits` images at once."""

    def __init__(self, boxes, fits=100):
        super().__init__()
        self.boxes = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
        self.fits = fits
        self.batches = []

    def forward(self, images):
        self.batches.append(len(images))
        if len(images) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        count = len(self.boxes)
        scores = torch.linspace(0.9, 0.7, count)
        found = {"boxes": self.boxes, "labels": torch.ones(count).long(), "scores": scores}
        return [found for _ in images]


def detected(untrained, network, images, **kwargs):
    detector = replace(load_detector(untrained), network=network)
    return list(detect(detector, numbered_paths(images), torch.device("cpu"), **kwargs))


def test_boxes_without_area_are_left_out(untrained, tmp_path):
    network = Scripted([[4, 4, 20, 20], [5, 9, 30, 9], [200, 5, 220, 9]])
    images = make_images(tmp_path, 1, shape=(128, 192))
    (found,) = detected(untrained, network, images)
    assert found.boxes.tolist() == [[8, 8, 40, 40]]


class Bright(torch.nn.Module):
    """Finds the squares by their brightness."""

    def forward(self, images):
        return [self.seen(image[0].numpy()) for image in images]

    def seen(self, image):
        parts = find_objects(label(image > 0.45)[0])
        boxes = [(x.start, y.start, x.stop, y.stop) for y, x in parts]
        return {
            "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
            "labels": torch.ones(len(boxes)).long(),
            "scores": torch.linspace(0.9, 0.7, len(boxes)),
        }


@pytest.mark.parametrize("tile", [0, 48])
@pytest.mark.parametrize("looks", [2, 4])
def test_what_is_seen_in_every_look_lies_where_one_look_sees_it(untrained, tmp_path, looks, tile):
    detector = load_detector(untrained)
    plan = replace(detector.plan, tile=tile, overlap=0.5 if tile else 0.0)
    images = make_images(tmp_path, 3, seed=8)
    one, several = (
        list(
            detect(
                replace(detector, network=Bright(), plan=replace(plan, looks=count)),
                numbered_paths(images),
                torch.device("cpu"),
            )
        )
        for count in (1, looks)
    )
    for first, fused in zip(one, several, strict=True):
        assert sorted(map(tuple, fused.boxes.round(6).tolist())) == sorted(
            map(tuple, first.boxes.round(6).tolist())
        )
        assert (fused.scores >= 0.7 - 1e-6).all()


def test_less_is_computed_at_once_where_memory_is_too_small(untrained, unseen):
    network = Scripted([[4, 4, 20, 20]], fits=2)
    found = detected(untrained, network, unseen, batch_size=5)
    assert network.batches == [5, 2, 3, 1, 2, 1]
    assert [part.image_ids.tolist() for part in found] == [[i] for i in range(10, 16)]


def test_too_little_gpu_memory_is_said_in_plain_words(untrained, unseen):
    with pytest.raises(AlcError, match="lower the batch size or the input size"):
        detected(untrained, Scripted([], fits=0), unseen)


def test_images_come_one_by_one_in_the_given_order(trained, unseen):
    for batch_size in (2, None):
        found = predict(trained, numbered_paths(unseen), batch_size=batch_size)
        assert [set(of_image.image_ids.tolist()) for of_image in found] == [
            {number} for number in range(10, 16)
        ]


def same(one, other):
    columns = ("image_ids", "category_ids", "boxes", "scores")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in columns)


def test_reading_threads_and_cache_change_nothing(trained, unseen, tmp_path, monkeypatch):
    plain = predicted(trained, unseen)
    cache = ImageCache(tmp_path / "cache", 1 << 20)
    assert same(plain, predicted(trained, unseen, cache=cache))
    assert len(list((tmp_path / "cache" / "images").iterdir())) == len(unseen)
    monkeypatch.setattr(prediction, "MOST_READERS", 1)
    monkeypatch.setattr(prediction, "MOST_AHEAD", 1)
    assert same(plain, predicted(trained, unseen, cache=cache))


@pytest.mark.parametrize(("pixels", "most"), [(1 << 26, 8), (3 * 64 * 96, 3), (100, 1)])
def test_fewer_large_images_are_decoded_at_once(trained, unseen, monkeypatch, pixels, most):
    asked = []

    def noted(tasks, read, threads, ahead):
        asked.append(threads)
        return read_ahead(tasks, read, threads, ahead)

    monkeypatch.setattr(prediction, "read_ahead", noted)
    monkeypatch.setattr(prediction, "PIXELS_DECODED", pixels)
    monkeypatch.setattr(prediction.os, "cpu_count", lambda: 64)
    assert len(predicted(trained, unseen))
    assert asked == [most]


def test_images_together_have_the_result_they_have_without_the_others(trained, unseen):
    whole = predicted(trained, unseen, together=4)
    parts = [predicted(trained, unseen[:4]), predicted(trained, unseen[4:])]
    assert same(whole.of_images(range(10, 14)), parts[0])
    assert np.array_equal(whole.of_images([14, 15]).boxes, parts[1].boxes)


def test_folded_normalisation_changes_the_result_by_rounding_only(trained, unseen):
    detector = load_detector(trained)
    detector.network.eval()
    plain = Detections.empty().joined(
        *detect(detector, numbered_paths(unseen), torch.device("cpu"))
    )
    found = predicted(trained, unseen)
    assert np.array_equal(found.image_ids, plain.image_ids)
    assert np.allclose(found.boxes, plain.boxes, atol=0.01)
    assert np.allclose(found.scores, plain.scores, atol=1e-4)


class BrightAreas(torch.nn.Module):
    """Finds the bright areas of its input, whole or cut off, and notes the input's size."""

    def __init__(self):
        super().__init__()
        self.shapes = set()

    def forward(self, images):
        self.shapes |= {tuple(image.shape[1:]) for image in images}
        return [self.look(image[0].numpy() > 0.5) for image in images]

    def look(self, bright):
        areas = find_objects(label(bright)[0])
        boxes = [[x.start, y.start, x.stop, y.stop] for y, x in areas]
        scores, labels = torch.full((len(boxes),), 0.9), torch.ones(len(boxes)).long()
        return {"boxes": torch.tensor(boxes).reshape(-1, 4), "labels": labels, "scores": scores}


def test_objects_are_whole_in_an_image_seen_in_tiles(untrained, tmp_path):
    truth = [[5, 5, 25, 20], [30, 40, 60, 62], [90, 8, 100, 118], [110, 100, 150, 130]]
    pixels = np.zeros((140, 160), np.uint8)
    for x1, y1, x2, y2 in truth:
        pixels[y1:y2, x1:x2] = 255
    tifffile.imwrite(tmp_path / "large.tif", pixels)
    detector = load_detector(untrained)
    plan = replace(detector.plan, shorter=160, longer=160, tile=64, overlap=0.25)
    network = BrightAreas()
    for batch_size in (1, 5, None):
        (found,) = detect(
            replace(detector, network=network, plan=plan),
            [(1, tmp_path / "large.tif")],
            torch.device("cpu"),
            batch_size=batch_size,
        )
        assert sorted(found.boxes.tolist()) == sorted(truth)
    assert network.shapes == {(64, 64)}


def test_weights_from_before_there_were_tiles_are_read(trained, unseen, tmp_path):
    content = torch.load(trained, weights_only=True)
    del content["plan"]["tile"], content["plan"]["overlap"]
    torch.save(content, tmp_path / "older.pt")
    assert same(predicted(trained, unseen), predicted(tmp_path / "older.pt", unseen))


def test_scores_and_boxes_keep_their_bounds(untrained, unseen):
    found = predicted(untrained, unseen)
    assert len(found)
    assert (found.scores >= 0.05).all() and (found.scores <= 1).all()
    assert (found.boxes >= 0).all()
    assert (found.boxes[:, 2] <= 96).all() and (found.boxes[:, 3] <= 64).all()
    assert set(found.category_ids.tolist()) == {7}
    assert np.bincount(found.image_ids).max() <= 300


def test_nothing_found_is_an_empty_set(untrained, unseen, tmp_path):
    content = torch.load(untrained, weights_only=True)
    content["model"]["roi_heads.box_predictor.cls_score.bias"][0] = 1e3
    torch.save(content, tmp_path / "blind.pt")
    pieces = list(predict(tmp_path / "blind.pt", numbered_paths(unseen), batch_size=4))
    assert [len(piece) for piece in pieces] == [0] * 6
    assert pieces[0].boxes.shape == (0, 4)


def test_no_images_give_no_pieces(untrained):
    assert list(predict(untrained, [])) == []


def test_progress_counts_images(untrained, unseen):
    reports = []
    list(predict(untrained, numbered_paths(unseen), report=reports.append, batch_size=4))
    assert [(p.done, p.total) for p in reports] == [(4, 6), (6, 6)]


def test_cancel_stops_between_batches(untrained, unseen):
    asked = iter([False, True])
    pieces = predict(
        untrained, numbered_paths(unseen), should_stop=lambda: next(asked), batch_size=2
    )
    assert [len(next(pieces)) > 0 for _ in range(2)] == [True, True]
    with pytest.raises(Cancelled):
        next(pieces)


def test_an_unreadable_image_is_named(untrained, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"\x89PNG, but no more")
    with pytest.raises(BadData, match=r"bad\.png"):
        list(predict(untrained, [(1, tmp_path / "bad.png")]))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "no such weights file"),
        (b"", "damaged or no torch weights"),
        (b"not weights", "damaged or no torch weights"),
        ([1, 2], "no named weights"),
        ({"model": {}}, "not made by this program"),
        ({"format": "napari-alc detector", "version": 99}, "another version"),
        ({"format": "napari-alc detector", "version": 1}, "lacks a part"),
    ],
)
def test_foreign_or_damaged_weights_are_named(tmp_path, content, problem):
    path = tmp_path / "other.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(BadData, match=rf"other\.pt: .*{problem}"):
        list(predict(path, []))


def test_cut_off_weights_are_refused(untrained, tmp_path):
    whole = untrained.read_bytes()
    for share in (0.3, 0.95):
        path = tmp_path / "cut.pt"
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(BadData, match=r"cut\.pt"):
            list(predict(path, []))


def test_weights_without_one_tensor_are_refused(untrained, tmp_path):
    content = torch.load(untrained, weights_only=True)
    del content["model"]["backbone.stem.0.0.weight"]
    torch.save(content, tmp_path / "less.pt")
    with pytest.raises(BadData, match="lacks a part"):
        list(predict(tmp_path / "less.pt", []))

"""The data that methods are compared on: their parts, their noise, and that they are made once."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alc_experiments.data import NAMES, NOISE_FACTORS, TEM, TINY, DataSource, bccd, drawn, tiny
from napari_alc.detection.plan import make_plan
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import AlcError, BadData
from napari_alc.formats.images import write_tiff
from napari_alc.formats.voc import write_voc
from napari_alc.labels import Category, ImageRecord, LabelSet, numbered

BESIDE = Path(__file__).parents[3] / "shared" / "data"
PUBLISHED = Path(os.environ.get("NAPARI_ALC_DATA", BESIDE)) / "bccd"


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    tiny(folder, 0, 1.0)
    return folder


@pytest.fixture
def like_bccd(tmp_path):
    """A folder as BCCD's: ten images of cells, of which one kind is in the training part only."""
    folder = tmp_path / "BCCD"
    images = tuple(ImageRecord(n, f"BloodImage_{n:05d}.tif", 64, 48) for n in range(1, 11))
    for image in images:
        write_tiff(folder / "JPEGImages" / image.file_name, np.full((48, 64), image.id, np.uint8))
    kinds = (Category(1, "WBC"), Category(2, "RBC"), Category(3, "Platelets"))
    boxes = np.array([[4.0, 4, 20, 20], [30, 20, 50, 40]])
    image_ids = np.repeat(np.arange(1, 11), 2)
    category_ids = [2, 3] + [1, 2] * 9
    labels = numbered(image_ids.tolist(), category_ids, np.tile(boxes, (10, 1)))
    write_voc(folder / "Annotations", LabelSet(images, kinds, labels))
    sets = folder / "ImageSets" / "Main"
    sets.mkdir(parents=True)
    for part, numbers in (("train", range(1, 7)), ("val", (7, 8)), ("test", (9, 10))):
        sets.joinpath(f"{part}.txt").write_text("".join(f"BloodImage_{n:05d}\n" for n in numbers))
    return folder


def names_of(labels):
    return [image.file_name for image in labels.images]


def test_bccd_comes_in_its_own_split_with_one_numbering_of_categories(like_bccd, tmp_path):
    data = bccd(like_bccd, tmp_path / "out", 0, 1.0)
    assert [len(part.images) for part in (data.truth, data.validation, data.test)] == [6, 2, 2]
    assert names_of(data.test) == ["BloodImage_00009.tif", "BloodImage_00010.tif"]
    assert data.truth.categories == data.validation.categories == data.test.categories
    assert [category.name for category in data.test.categories] == ["Platelets", "RBC", "WBC"]
    assert data.test.labels.category_ids.tolist() == [3, 2, 3, 2]
    assert all(data.path_of(image).is_file() for image in data.truth.images)


def test_a_folder_that_is_not_bccd_is_refused_by_name(tmp_path):
    with pytest.raises(BadData, match=r"train\.txt"):
        bccd(tmp_path, tmp_path / "out", 0, 1.0)


def test_bccd_without_a_folder_says_where_it_comes_from(tmp_path):
    with pytest.raises(AlcError, match=r"github\.com.*--bccd"):
        DataSource(tmp_path).dataset("bccd", 0, 1.0)


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="BCCD is not beside the project")
def test_bccd_as_published_has_205_training_images_and_leaves_out_boxes_without_width(tmp_path):
    data = bccd(PUBLISHED, tmp_path, 0, 1.0)
    assert [len(part.images) for part in (data.truth, data.validation, data.test)] == [205, 87, 72]
    corners = data.truth.labels.boxes
    assert (corners[:, 2:] > corners[:, :2]).all()
    assert data.plan.initial + data.plan.per_iteration * data.plan.iterations == 55


def test_every_data_set_has_a_noise_factor():
    assert set(NOISE_FACTORS) == set(NAMES)


def test_synthetic_parts_are_apart_and_as_many_as_planned(out):
    data = tiny(out, 0, 1.0)
    parts = [names_of(part) for part in (data.truth, data.validation, data.test)]
    assert [len(part) for part in parts] == [TINY.images, TINY.validation, TINY.test]
    assert len({name for part in parts for name in part}) == sum(map(len, parts))
    assert all(data.path_of(image).is_file() for image in data.test.images)
    assert len(data.test.labels) > 0


def test_images_are_drawn_once_and_shared_by_all_seeds(out):
    first = tiny(out, 0, 1.0)
    paths = sorted(first.folder.glob("*.tif"))
    before = [path.stat().st_mtime_ns for path in paths]
    second = tiny(out, 1, 1.0)
    assert second.folder == first.folder
    assert [path.stat().st_mtime_ns for path in paths] == before
    np.testing.assert_array_equal(first.truth.labels.boxes, second.truth.labels.boxes)


def test_images_are_drawn_anew_where_drawing_was_cut_off(tmp_path):
    folder = tiny(tmp_path, 0, 1.0).folder
    cut = folder / "tem_0003.tif"
    cut.unlink()
    (folder / "truth.json").unlink()
    assert len(tiny(tmp_path, 0, 1.0).truth.images) == TINY.images
    assert cut.is_file()


def test_the_noise_is_that_of_the_seed(out):
    again, other = (tiny(out, seed, 1.0).crowd.labels for seed in (0, 1))
    np.testing.assert_array_equal(tiny(out, 0, 1.0).crowd.labels.boxes, again.boxes)
    assert not np.array_equal(again.boxes, other.boxes)


def test_the_factor_multiplies_every_rate(out):
    kinds = [record.what for record in tiny(out, 0, 2.0).noise]
    boxes = len(tiny(out, 0, 1.0).truth.labels)
    assert kinds.count("location") == round(0.4 * boxes)
    assert kinds.count("miss") == round(0.2 * boxes)


def test_no_noise_leaves_the_clean_boxes(out):
    data = tiny(out, 0, 0.0)
    np.testing.assert_array_equal(data.crowd.labels.boxes, data.truth.labels.boxes)


def test_more_noise_than_boxes_is_refused_in_words(out):
    with pytest.raises(BadData, match=r"noise times 4 cannot be injected.*smaller factor"):
        tiny(out, 0, 4.0)


def test_the_log_has_a_record_for_every_box(out):
    data = tiny(out, 3, 1.5)
    written = json.loads((out / "tiny" / "noise-seed3-times-1.5.json").read_text(encoding="utf-8"))
    assert len(written["boxes"]) == len(data.noise)
    assert sum(written["counts"].values()) == len(data.noise)
    assert {box["truth_id"] for box in written["boxes"]} >= set(data.truth.labels.ids.tolist())
    assert (written["settings"]["seed"], written["settings"]["factor"]) == (3, 1.5)


def test_the_share_of_reviewed_tem_images_is_the_papers():
    plan = TEM.plan
    share = (plan.initial + plan.per_iteration * plan.iterations) / TEM.images
    assert share == pytest.approx(0.2677, abs=0.002)


def test_images_enter_the_detector_in_one_size_whatever_the_labels(tmp_path):
    data = drawn(replace(TEM, images=3, validation=1, test=1), tmp_path, seed=0, factor=1.0)
    settings = DetectorSettings.parse(data.detector)
    sides = {_plan_of(settings, labels).longer for labels in (data.truth, data.crowd)}
    assert sides == {TEM.input_size}


def _plan_of(settings, label_set):
    boxes = [rows.boxes for rows in label_set.labels.by_image().values()]
    return make_plan(settings, [(i.width, i.height) for i in label_set.images], boxes)

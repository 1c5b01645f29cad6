"""What each strategy measures on images, with a detector that has learned something."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile
from squares import CATEGORIES, QUICK, make_images
from training_runs import StopAfter

from napari_alc.cleaning.selection import STRATEGIES
from napari_alc.detection.acquisition.output_uncertainty import (
    NOISE_LEVELS,
    altered,
    flipped,
    shrunk,
    turned,
    with_noise,
)
from napari_alc.detection.acquisition.strategies import MEASURES, Pool, measure, training_variant
from napari_alc.detection.training.training import train
from napari_alc.errors import AlcError, Cancelled
from napari_alc.labels import Category

LOOKING = sorted(MEASURES)


@pytest.fixture(scope="session")
def with_head(tmp_path_factory):
    """Weights of a detector beside which a head has learned to expect losses."""
    folder = tmp_path_factory.mktemp("with-head")
    images = make_images(folder / "images", 8)
    quick = QUICK.changed(iterations=60)
    return train(images, CATEGORIES, quick, folder / "run", variant=training_variant("llal"))


@pytest.fixture(scope="session")
def pool(with_head, tmp_path_factory):
    """Four unlabelled images: two gray ones, one in colour, one of which nothing can be said."""
    folder = tmp_path_factory.mktemp("pool")
    paths = [image.path for image in make_images(folder / "new", 2, seed=3)]
    paths += [folder / "colour.tif", folder / "empty.tif"]
    tifffile.imwrite(paths[2], np.repeat(tifffile.imread(paths[0])[..., None], 3, axis=2))
    tifffile.imwrite(paths[3], np.full((64, 96), 5, np.uint8))
    known = [image.path for image in make_images(folder / "known", 3, seed=4)]
    numbered = [list(enumerate(some, start)) for some, start in ((paths, 1), (known, 11))]
    return Pool(with_head, *numbered, seed=1)


def test_every_strategy_that_looks_has_a_measure():
    assert {name for name, strategy in STRATEGIES.items() if strategy.needs_model} == set(MEASURES)


@pytest.mark.parametrize("strategy", LOOKING)
def test_values_are_finite_and_the_same_whatever_the_order_of_the_images(strategy, pool):
    values = measure(strategy, pool)
    assert values.shape == (4,)
    assert np.isfinite(values).all()
    backwards = replace(pool, unlabelled=pool.unlabelled[::-1], labelled=pool.labelled[::-1])
    np.testing.assert_allclose(measure(strategy, backwards)[::-1], values, atol=1e-6)


@pytest.mark.parametrize("strategy", LOOKING)
def test_progress_is_told_to_the_end_and_work_can_be_cancelled(strategy, pool):
    told = []
    measure(strategy, pool, report=told.append)
    assert told[-1].done == told[-1].total
    assert {progress.step for progress in told} == {"measure"}
    with pytest.raises(Cancelled):
        measure(strategy, pool, should_stop=StopAfter(0))


@pytest.mark.parametrize(("strategy", "value"), [("lc", 1), ("lt-c", 1), ("ls-c", 0), ("cald", 0)])
def test_an_image_without_detections_has_the_value_that_the_method_says(strategy, value, pool):
    assert measure(strategy, replace(pool, unlabelled=pool.unlabelled[3:])).tolist() == [value]


@pytest.mark.parametrize("strategy", LOOKING)
def test_an_empty_pool_has_no_values(strategy, pool):
    assert measure(strategy, replace(pool, unlabelled=[])).shape == (0,)


@pytest.mark.parametrize("strategy", LOOKING)
def test_several_categories_are_measured_too(strategy, pool, tmp_path):
    images = make_images(tmp_path, 4)
    two = [replace(image, category_ids=[7, 8, 7]) for image in images]
    categories = (*CATEGORIES, Category(8, "other"))
    quick = QUICK.changed(iterations=4)
    weights = train(two, categories, quick, tmp_path / "run", variant=training_variant(strategy))
    assert np.isfinite(measure(strategy, replace(pool, weights=weights))).all()


def test_the_seed_decides_what_is_drawn(pool):
    one = with_noise(np.full((8, 8), 100, np.uint8), 1, 5)
    assert len(one) == len(NOISE_LEVELS)
    again, other = (with_noise(np.full((8, 8), 100, np.uint8), 1, image) for image in (5, 6))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    assert measure("vaal", pool).tolist() != measure("vaal", replace(pool, seed=2)).tolist()


def test_noise_has_the_strength_of_its_level_and_stays_in_range():
    levels = with_noise(np.full((200, 200, 3), 128, np.uint8), 0, 0)
    assert [round(float(np.std(level))) for level in levels] == list(NOISE_LEVELS)
    assert with_noise(np.zeros((20, 20), np.uint8), 0, 0)[-1].min() == 0


def bright(box, shape=(100, 140)):
    """A bright rectangle on black."""
    image = np.zeros(shape, np.uint8)
    x1, y1, x2, y2 = box
    image[y1:y2, x1:x2] = 200
    return image


def extent(image):
    """The box around what is bright."""
    y, x = np.nonzero(image > 100)
    return np.array([x.min(), y.min(), x.max() + 1, y.max() + 1])


@pytest.mark.parametrize("change", [flipped, shrunk, turned])
def test_boxes_follow_their_objects_into_the_altered_image(change):
    box = [20, 10, 60, 50]
    changed, boxes = change(bright(box), np.array([box], dtype=float))
    np.testing.assert_allclose(boxes[0], extent(changed), atol=1.1)


def test_holes_cover_a_part_of_a_box_and_nothing_moves():
    box = [20, 10, 60, 50]
    image = bright(box)
    boxes = np.array([box], dtype=float)
    _, (holes, same), *_ = altered(image, boxes, np.random.default_rng(0))
    np.testing.assert_array_equal(same, boxes)
    share = np.count_nonzero(holes != image) / np.count_nonzero(image)
    assert 0.1 <= share <= 0.8
    assert (holes[holes != image] == 0).all()


def test_an_image_like_the_labelled_ones_is_told_from_another_kind(with_head, tmp_path):
    """VAAL's discriminator on bright and dark images, of which only dark ones are labelled."""
    rng = np.random.default_rng(0)
    paths = []
    for number in range(24):
        base = 20 if number < 16 else 200
        path = tmp_path / f"{number}.tif"
        tifffile.imwrite(path, rng.integers(base, base + 40, (64, 64), dtype=np.uint8))
        paths.append((number, path))
    pool = Pool(with_head, paths[8:], paths[:8], seed=0)
    values = measure("vaal", pool)
    assert values[:8].mean() > values[8:].mean()


@pytest.mark.parametrize("strategy", ["lt-c", "ls-c", "cald"])
def test_a_detector_of_one_stage_is_refused_in_words(strategy, one_stage, pool):
    with pytest.raises(AlcError, match="single stage"):
        measure(strategy, replace(pool, weights=one_stage))


@pytest.mark.parametrize("strategy", ["lc", "llal", "vaal"])
def test_a_detector_of_one_stage_serves_those_who_need_no_proposals(strategy, one_stage, pool):
    values = measure(strategy, replace(pool, weights=one_stage, unlabelled=pool.unlabelled[:1]))
    assert np.isfinite(values).all()


@pytest.fixture(scope="session")
def one_stage(tmp_path_factory):
    """Weights of an SSDlite after a step, with a head beside it."""
    folder = tmp_path_factory.mktemp("one-stage")
    images = make_images(folder / "images", 2)
    settings = QUICK.changed(
        preset="ssdlite320_mobilenet_v3_large", weights="none", iterations=1, batch_size=2
    )
    return train(images, CATEGORIES, settings, folder / "run", variant=training_variant("llal"))


def test_a_strategy_that_looks_at_nothing_is_refused(pool):
    with pytest.raises(AlcError, match="measures nothing"):
        measure("random", pool)

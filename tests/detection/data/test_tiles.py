from __future__ import annotations

import itertools

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from napari_alc.boxes import intersections
from napari_alc.detection.data.tiles import Found, Tile, merged, tile_grid

WIDTH, HEIGHT, SIDE = 300, 210, 100
OVERLAP = 0.3


def clipped(boxes, tile):
    """Where the visible parts of boxes lie within a tile, and which boxes these are."""
    low = np.maximum(boxes[:, :2], tile.box[:2])
    high = np.minimum(boxes[:, 2:], tile.box[2:])
    seen = (high - low >= 1).all(axis=1)
    return np.hstack([low, high])[seen] - np.tile(tile.box[:2], 2), seen


def perfect(boxes, labels, scores):
    """A network that finds of each object exactly what lies in its tile."""

    def look(tile):
        parts, seen = clipped(boxes, tile)
        return Found(parts, labels[seen], scores[seen])

    return look


def look_at_all(look, width=WIDTH, height=HEIGHT, side=SIDE, overlap=OVERLAP, most=1000):
    tiles = tile_grid(width, height, side, overlap)
    return merged(tiles, [look(tile) for tile in tiles], most)


def as_rows(found):
    rows = np.column_stack([found.boxes, found.labels]).round(6).tolist()
    return sorted(map(tuple, rows))


@st.composite
def scenes(draw, longest=HEIGHT):
    """Boxes of two categories, those of one category apart from each other."""
    corner = st.integers(0, 2 * WIDTH).map(lambda half: half / 2)
    side = st.integers(6, 2 * longest).map(lambda half: half / 2)
    drawn = draw(st.lists(st.tuples(corner, corner, side, side, st.integers(1, 2)), max_size=12))
    boxes, labels = [], []
    for x, y, width, height, label in drawn:
        box = np.array([x, y, min(x + width, WIDTH), min(y + height, HEIGHT)])
        if (box[2:] - box[:2] < 3).any():
            continue
        others = np.array(
            [b for b, given_label in zip(boxes, labels, strict=True) if given_label == label]
        )
        if len(others) and intersections(others, np.tile(box, (len(others), 1))).any():
            continue
        boxes.append(box)
        labels.append(label)
    scores = np.linspace(0.99, 0.5, len(boxes))
    return np.reshape(boxes, (-1, 4)), np.array(labels, dtype=np.int64), scores


@given(scenes())
def test_a_perfect_network_gives_every_object_once_and_uncut(scene):
    """Of whatever size: objects larger than a tile are put together from their parts."""
    boxes, labels, scores = scene
    found = look_at_all(perfect(boxes, labels, scores))
    assert as_rows(found) == as_rows(Found(boxes, labels, scores))
    assert np.allclose(np.sort(found.scores), np.sort(scores))


@settings(max_examples=50)
@given(scenes(longest=60), st.sampled_from([50, 64, 128]), st.floats(0.1, 0.5))
def test_the_grid_makes_no_difference_to_a_perfect_network(scene, side, overlap):
    boxes, labels, scores = scene
    found = look_at_all(perfect(boxes, labels, scores), side=side, overlap=overlap)
    assert as_rows(found) == as_rows(Found(boxes, labels, scores))


@settings(max_examples=60)
@given(st.data())
def test_a_network_that_errs_a_little_gives_no_cut_box_and_none_twice(data):
    """Objects no larger than the overlap; each tile sees them somewhat differently."""
    boxes, labels, _scores = data.draw(scenes(longest=30))
    assume(len(boxes))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))

    def look(tile):
        parts, seen = clipped(boxes, tile)
        large = (parts[:, 2:] - parts[:, :2] > 6).all(axis=1)
        parts = np.clip(parts + rng.uniform(-0.4, 0.4, parts.shape), 0, SIDE)
        return Found(parts[large], labels[seen][large], rng.uniform(0.3, 1, large.sum()))

    found = look_at_all(look)
    large = (boxes[:, 2:] - boxes[:, :2] > 7).all(axis=1)
    errors = np.abs(found.boxes[:, None] - boxes[None]).max(axis=2)
    errors[found.labels[:, None] != labels[None]] = np.inf
    assert (np.count_nonzero(errors < 1, axis=1) == 1).all()
    assert (np.count_nonzero(errors < 1, axis=0)[large] == 1).all()


@given(st.integers(1, 2000), st.integers(1, 2000), st.integers(50, 1500), st.floats(0, 0.5))
def test_tiles_cover_the_image_with_the_overlap_asked_for(width, height, side, overlap):
    tiles = tile_grid(width, height, side, overlap)
    assert {(t.width, t.height) for t in tiles} == {(min(side, width), min(side, height))}
    for axis, length in ((0, width), (1, height)):
        spans = sorted({(t.box[axis], t.box[axis + 2]) for t in tiles})
        assert spans[0][0] == 0 and spans[-1][1] == length
        shared = [one[1] - other[0] for one, other in itertools.pairwise(spans)]
        assert all(pixels >= overlap * side - 1e-9 for pixels in shared)


def test_without_tiles_there_is_one():
    assert tile_grid(300, 200, 0, 0.25) == [Tile(0, 0, 300, 200)]
    assert tile_grid(300, 200, 300, 0.25) == [Tile(0, 0, 300, 200)]


def found_in(*rows):
    boxes, labels, scores = zip(*rows, strict=True)
    return Found(np.array(boxes, dtype=float), np.array(labels), np.array(scores))


NOTHING = Found(np.empty((0, 4)), np.empty(0, dtype=np.int64), np.empty(0))
PAIR = tile_grid(170, 100, 100, 0.3)
"""Two tiles side by side, with the columns 70 to 100 in common."""


def test_a_cut_box_goes_where_the_neighbour_sees_all_and_finds_nothing():
    """A distractor that looks like an object only as long as half of it is hidden."""
    assert len(merged(PAIR, [found_in(([90, 20, 100, 40], 1, 0.9)), NOTHING], 10).boxes) == 0


def test_what_two_tiles_cut_off_alike_goes_where_a_third_sees_all():
    """Both tiles on the right see the end of an object; those on the left see it whole."""
    tiles = tile_grid(170, 170, 100, 0.3)
    whole, part = found_in(([50, 80, 78, 96], 1, 0.9)), found_in(([0, 80, 3, 96], 1, 0.9))
    shifted = [found_in(([50, 10, 78, 26], 1, 0.9)), found_in(([0, 10, 3, 26], 1, 0.9))]
    found = merged(tiles, [whole, part, *shifted], 10)
    assert found.boxes.tolist() == [[50, 80, 78, 96]]


def test_a_cut_box_stays_where_no_tile_sees_more():
    found = merged(PAIR, [found_in(([60, 20, 100, 40], 1, 0.9)), NOTHING], 10)
    assert found.boxes.tolist() == [[60, 20, 100, 40]]


def test_a_whole_box_wins_over_a_better_scored_part():
    found = merged(
        PAIR, [found_in(([80, 20, 100, 40], 1, 0.9)), found_in(([10, 20, 50, 40], 1, 0.6))], 10
    )
    assert found.boxes.tolist() == [[80, 20, 120, 40]]
    assert found.scores.tolist() == [0.6]


def test_the_image_border_cuts_nothing_off():
    found = merged(PAIR, [found_in(([0, 0, 20, 100], 1, 0.9)), NOTHING], 10)
    assert found.boxes.tolist() == [[0, 0, 20, 100]]


def test_other_categories_keep_their_own_boxes():
    one, other = found_in(([75, 20, 95, 40], 1, 0.9)), found_in(([5, 20, 25, 40], 2, 0.8))
    assert merged(PAIR, [one, other], 10).labels.tolist() == [1, 2]


def test_of_one_tile_everything_stays_best_first_up_to_the_limit():
    one = found_in(([0, 0, 9, 9], 1, 0.3), ([0, 0, 9, 8], 1, 0.9), ([50, 0, 59, 9], 2, 0.6))
    found = merged([Tile(0, 0, 100, 100)], [one], 2)
    assert found.scores.tolist() == [0.9, 0.6]


def test_nothing_found_is_an_empty_result():
    whole = merged(PAIR, [NOTHING, NOTHING], 10)
    assert whole.boxes.shape == (0, 4)
    assert len(whole.labels) == len(whole.scores) == 0

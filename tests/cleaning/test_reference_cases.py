"""The core gives what an independent loop-by-loop program computed."""

import numpy as np
import pytest
from cleaning_fixtures import CASES, detections, labels, load

from napari_alc.boxes import xyxy_to_xywh
from napari_alc.cleaning.consensus import consensus
from napari_alc.cleaning.correction import correct
from napari_alc.cleaning.regions import Region, Source, Thresholds, sort_labels
from napari_alc.cleaning.selection import rank, scores

ONE_LIST = Thresholds(green_score_from_all=False)


@pytest.fixture(params=CASES)
def case(request):
    return request.param


@pytest.fixture
def result(case):
    return sort_labels(
        labels(case, "crowd"), detections(case, "mp"), detections(case, "ma"), ONE_LIST
    )


def test_every_box_has_the_reference_region_and_score(case, result):
    expected = {(r["source"], r["index"]): r for r in load(case, "expected_regions")["labels"]}
    assert len(result) == len(expected)
    for row in range(len(result)):
        record = expected[Source(result.source[row]).label, int(result.index[row])]
        assert result.image_ids[row] == record["image_id"]
        assert Region(result.region[row]).label == record["region"], record
        assert bool(result.box_in_box[row]) == record["box_in_box"], record
        wanted = np.nan if record["evaluation_score"] is None else record["evaluation_score"]
        assert result.evaluation_score[row] == pytest.approx(wanted, nan_ok=True), record


def test_images_are_ranked_as_in_the_reference(case, result):
    expected = load(case, "expected_regions")["images"]
    ids = np.array(sorted(record["image_id"] for record in expected))
    found = scores(result, ids)
    assert rank(ids, found).tolist() == [record["image_id"] for record in expected]
    by_id = dict(zip(ids.tolist(), found, strict=True))
    for record in expected:
        assert by_id[record["image_id"]] == pytest.approx(record["inconsistency"])


def boxes_at(result, rows):
    return sorted(
        (int(result.image_ids[row]), int(result.category_ids[row]), *np.round(box, 6))
        for row, box in zip(rows, xyxy_to_xywh(result.boxes[rows]), strict=True)
    )


@pytest.mark.parametrize("part", ["automatic", "review"])
def test_correction_divides_the_boxes_as_the_reference(case, result, part):
    expected = load(case, "expected_clean")[part]
    wanted = sorted((r["image_id"], r["category_id"], *r["bbox"]) for r in expected)
    assert boxes_at(result, getattr(correct(result), part)) == wanted


def test_consensus_keeps_the_reference_annotations(case):
    kept = consensus(labels(case, "pathologist"), labels(case, "crowd"))
    assert sorted(kept.ids.tolist()) == sorted(load(case, "expected_consensus")["annotation_ids"])

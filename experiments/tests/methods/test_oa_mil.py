"""OA-MIL (Liu et al. 2022): regression targets and losses by hand, and real short trainings."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional
from torchvision.ops import box_iou

from alc_experiments.other_methods import oa_mil
from alc_experiments.other_methods.oa_mil import (
    SELECTED,
    SELECTION,
    OaMil,
    OaMilForward,
    Selection,
    object_confidence,
    selected,
)
from napari_alc.detection.models.presets import build_network
from napari_alc.detection.plan import make_plan
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import AlcError, Cancelled
from tiny_experiments import make_experiment

OBJECTS = torch.tensor([[10.0, 10, 30, 30], [40, 20, 60, 50]])
SIZE = (64, 96)


def tensors(model):
    return torch.load(model.weights, weights_only=True)["model"]


def same_bits(one, other):
    a, b = tensors(one), tensors(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_the_target_of_a_bag_lies_between_its_best_instance_and_the_labelled_box():
    boxes = torch.tensor([[0.0, 0, 10, 10], [2, 2, 12, 12], [50, 50, 60, 60], [9, 9, 9, 9]])
    noisy = torch.tensor([[4.0, 4, 14, 14]]).expand(4, 4).clone()
    noisy[2] = torch.tensor([52.0, 50, 60, 60])
    confidences = torch.tensor([0.5, 0.9, 1.0, 0.1])
    found = selected(boxes, noisy, confidences, torch.tensor([7, 7, 3, 7]))
    phi = 0.9**7.5
    of_first = torch.tensor([4.0, 4, 14, 14]) - 2 * phi
    assert torch.allclose(found[[0, 1, 3]], of_first.expand(3, 4))
    assert torch.allclose(found[2], torch.tensor([50 * 0.85 + 52 * 0.15, 50, 60, 60]))


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.floats(0, 1), st.floats(0, 90)), min_size=1, max_size=12
    )
)
def test_all_of_a_bag_have_one_target_no_further_than_85_percent_from_the_label(rows):
    objects = torch.tensor([number for number, _, _ in rows])
    confidences = torch.tensor([c for _, c, _ in rows], dtype=torch.float64)
    boxes = torch.tensor([[x, x, x + 9, x + 9] for *_, x in rows], dtype=torch.float64)
    noisy = torch.stack([objects * 30.0] * 2 + [objects * 30.0 + 20] * 2, dim=1).double()
    found = selected(boxes, noisy, confidences, objects)
    for number in objects.unique():
        of_bag = objects == number
        assert (found[of_bag] == found[of_bag][0]).all()
        moved = (found[of_bag][0] - noisy[of_bag][0]).abs()
        best = confidences[of_bag].argmax()
        assert torch.allclose(
            moved,
            (boxes[of_bag][best] - noisy[of_bag][0]).abs()
            * min(0.85, confidences[of_bag][best].item() ** 7.5),
        )


def test_confidence_is_averaged_within_categories_before_it_is_over_them():
    confidences = torch.tensor([0.2, 0.8, 0.4, 0.6, 0.1])
    objects = torch.tensor([0, 0, 1, 2, 2])
    labels = torch.tensor([1, 1, 1, 2, 2])
    assert object_confidence(confidences, labels, objects).item() == pytest.approx(
        ((0.8 + 0.4) / 2 + 0.6) / 2
    )


def test_a_single_object_has_the_confidence_of_its_best_instance_and_only_that_learns():
    confidences = torch.tensor([0.2, 0.8], requires_grad=True)
    object_confidence(confidences, torch.tensor([1, 1]), torch.tensor([4, 4])).backward()
    assert confidences.grad.tolist() == [0, 1]


def built(preset):
    torch.manual_seed(0)
    settings = DetectorSettings(preset=preset, weights="none")
    plan = make_plan(settings, [(96, 64)], [OBJECTS.double().numpy()])
    return build_network(settings, plan, 2).train()


def prepared(preset, passes=0):
    network = built(preset)
    OaMil().prepare(network)
    network.roi_heads.forward.selects = True
    network.roi_heads.forward.passes = passes
    return network


def losses(network, targets=None, seed=1):
    targets = targets or [
        {"boxes": OBJECTS, "labels": torch.tensor([1, 2])},
        {"boxes": OBJECTS[:0], "labels": torch.tensor([], dtype=torch.int64)},
    ]
    generator = torch.Generator().manual_seed(seed)
    images = [torch.rand(3, *SIZE, generator=generator) for _ in targets]
    torch.manual_seed(seed)
    return network(images, targets)


def test_the_network_keeps_its_tensors_and_what_it_predicts():
    plain, network = built("compact"), prepared("compact")
    assert network.state_dict().keys() == plain.state_dict().keys()
    image = torch.rand(3, *SIZE)
    with torch.inference_mode():
        one, other = plain.eval()([image])[0], network.eval()([image])[0]
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_losses_are_those_of_the_formula(monkeypatch):
    """Against a computation step by step, bag by bag."""
    network = prepared("compact", passes=2)
    heads, caught = network.roi_heads, {}
    select = heads.select_training_samples

    def noting(proposals, targets):
        caught["samples"] = result = select(proposals, targets)
        return [list(result[0]), *result[1:]]

    monkeypatch.setattr(heads, "select_training_samples", noting)
    pool = heads.box_roi_pool.register_forward_pre_hook(
        lambda _module, inputs: (
            caught.setdefault("features", inputs[0])
            and caught.setdefault("shapes", inputs[2])
            and None
        )
    )
    found = losses(network)
    pool.remove()
    rois, matched, labels, _ = caught["samples"]

    def judge(boxes):
        pooled = heads.box_roi_pool(caught["features"], boxes, caught["shapes"])
        return heads.box_predictor(heads.box_head(pooled))

    scores, moves = judge(rois)
    count = len(rois[0])
    positive = labels[0] > 0
    of, own = matched[0][positive], labels[0][positive]
    assert set(of.tolist()) == {0, 1}
    assert not (labels[1] > 0).any()
    at, seen = rois[0][positive], []
    step = moves[:count][positive]
    for _ in range(3):
        at = heads.box_coder.decode(step.detach(), [at])[torch.arange(len(own)), own]
        at = torch.stack([at[:, 0::2].clamp(0, 96), at[:, 1::2].clamp(0, 64)], 2).flatten(1)
        seen.append((at, None))
        again, step = judge([at, at[:0]])
        seen[-1] = (at, again.softmax(1)[torch.arange(len(own)), own])

    first, confidence = seen[0]
    targets = torch.empty_like(first)
    best = {}
    for number in (0, 1):
        bag = torch.where(of == number)[0]
        top = bag[confidence[bag].argmax()]
        best[number] = top
        phi = min(confidence[top].item() ** 7.5, 0.85)
        targets[bag] = phi * first[top] + (1 - phi) * OBJECTS[number]
    wanted = heads.box_coder.encode([targets], [rois[0][positive]])[0]
    guess = moves[:count][positive].view(len(own), -1, 4)[torch.arange(len(own)), own]
    of_box = functional.smooth_l1_loss(guess, wanted, beta=1 / 9, reduction="sum") / len(scores)
    # One object a category, so the mean over categories is that over objects.
    means = [(c[of == 0].max() + c[of == 1].max()) / 2 for _, c in seen]
    doubt = 0.1 * ((1 - means[0]) + (1 - (means[1] + means[2]) / 2))
    assert found["loss_box_reg"].item() == pytest.approx(of_box.item(), rel=1e-4)
    assert found["loss_instances"].item() == pytest.approx(doubt.item(), rel=1e-5)
    assert found["loss_classifier"].item() == pytest.approx(
        functional.cross_entropy(scores, torch.cat(labels)).item(), rel=1e-5
    )


def test_without_positives_the_losses_are_the_plain_ones():
    empty = [{"boxes": OBJECTS[:0], "labels": torch.tensor([], dtype=torch.int64)}]
    plain, found = losses(built("compact"), empty), losses(prepared("compact"), empty)
    assert found.keys() == plain.keys()
    assert all(torch.equal(found[name], plain[name]) for name in plain)


@pytest.mark.parametrize("preset", ["compact", "resnet50", "fasterrcnn_resnet50_fpn_v2"])
def test_every_two_stage_detector_learns_by_it(preset):
    network = prepared(preset, passes=4)
    torch.stack(list(losses(network).values())).sum().backward()
    gradient = network.roi_heads.box_predictor.cls_score.weight.grad
    assert torch.isfinite(gradient).all() and gradient.abs().sum() > 0


def test_losses_have_32_bits_where_the_network_computes_in_16():
    network = prepared("resnet50", passes=4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = losses(network)
    assert {value.dtype for value in found.values()} == {torch.float32}
    assert all(torch.isfinite(value) for value in found.values())


def test_a_single_stage_detector_is_refused():
    with pytest.raises(AlcError, match="two stages"):
        OaMil().prepare(built("retinanet_resnet50_fpn"))


@pytest.fixture
def experiment(tmp_path):
    return replace(make_experiment(tmp_path), detector=(("iterations", 12),))


def test_a_training_goes_through_all_phases_and_leaves_a_plain_detector(experiment, monkeypatch):
    phases = []
    call = OaMilForward.__call__

    def noting(self, *args):
        if self.heads.training:
            phases.append((self.selects, self.passes))
        return call(self, *args)

    monkeypatch.setattr(OaMilForward, "__call__", noting)
    model = experiment.train(experiment.data.crowd, "OA-MIL", make_variant=OaMil)
    assert phases == [(False, 0)] + [(True, 0)] * 7 + [(True, 4)] * 4
    assert tensors(model).keys() == tensors(experiment.train(experiment.data.crowd, "Noisy")).keys()
    assert set(experiment.measure(model)) >= {"AP50", "Loc"}
    told = json.loads((model.folder / SELECTION).read_text())
    assert told.keys() == set(SELECTED)
    assert told["selected_weight"] <= told["selected_confidence"] <= 1 <= told["bag_size"]
    record = json.loads((model.folder / "metrics.json").read_text())
    assert all(loss > 0 for _, loss in record["loss"])


def test_it_is_the_plain_training_until_it_selects(experiment, monkeypatch):
    monkeypatch.setattr(oa_mil, "SELECT_FROM", 2.0)
    monkeypatch.setattr(oa_mil, "EXTEND_FROM", 2.0)
    plain = experiment.train(experiment.data.crowd, "Noisy")
    assert same_bits(plain, experiment.train(experiment.data.crowd, "OA-MIL", make_variant=OaMil))


def test_selection_changes_what_is_learned_and_stopping_does_not(experiment, tmp_path):
    plain = experiment.train(experiment.data.crowd, "Noisy")
    whole = experiment.train(experiment.data.crowd, "OA-MIL", make_variant=OaMil)
    assert not same_bits(plain, whole)
    asked = iter(range(100))
    elsewhere = replace(experiment, store=tmp_path / "other")
    with pytest.raises(Cancelled):
        replace(elsewhere, should_stop=lambda: next(asked) == 8).train(
            experiment.data.crowd, "OA-MIL", make_variant=OaMil
        )
    again = elsewhere.train(experiment.data.crowd, "OA-MIL", make_variant=OaMil)
    assert same_bits(whole, again)
    assert (whole.folder / SELECTION).read_bytes() == (again.folder / SELECTION).read_bytes()


def test_an_instance_that_the_head_leaves_in_place_stays_there():
    network = prepared("compact")
    forward = network.roi_heads.forward
    moved = forward._moved([OBJECTS], torch.zeros(2, 12), torch.tensor([1, 2]), [SIZE])
    assert torch.allclose(box_iou(moved[0], OBJECTS).diagonal(), torch.ones(2))


def test_it_is_told_how_much_the_selection_trusts_its_best_boxes():
    selection = Selection()
    assert selection.means() == {}
    selection.note(torch.tensor([0.2, 1.0, 0.5]), torch.tensor([4, 4, 9]))
    selection.note(torch.tensor([0.5]), torch.tensor([1]))
    means = selection.means()
    assert means["bag_size"] == pytest.approx((1.5 + 1) / 2)
    assert means["selected_confidence"] == pytest.approx((0.75 + 0.5) / 2)
    least = 0.5**7.5
    assert means["selected_weight"] == pytest.approx(((0.85 + least) / 2 + least) / 2)

from __future__ import annotations

import numpy as np
import pytest
import torch
from squares import CATEGORIES, QUICK, make_images
from torchvision.ops.misc import FrozenBatchNorm2d

from napari_alc.detection.inference.prediction import predict
from napari_alc.detection.models.presets import build_network
from napari_alc.detection.plan import make_plan
from napari_alc.detection.precision import Precision
from napari_alc.detection.settings import DetectorSettings
from napari_alc.detection.training.optimisation import learning_rate_factor, make_optimiser
from napari_alc.detection.training.training import train
from napari_alc.errors import AlcError

BOXES = [np.array([[0.0, 0, 20, 20], [0, 0, 30, 30]])]


def built(settings, **kwargs):
    plan = make_plan(settings, [(96, 64)], BOXES)
    return build_network(settings, plan, 2, **kwargs)


def test_compact_is_compact():
    parameters = sum(p.numel() for p in built(DetectorSettings()).parameters())
    assert 1.0e6 < parameters < 1.2e6


@pytest.mark.parametrize("side", [33, 40, 100])
def test_images_are_not_resized_again_and_maps_keep_their_strides(side):
    network = built(DetectorSettings()).eval()
    images, _ = network.transform([torch.zeros(3, side, side)])
    assert images.image_sizes == [(side, side)]
    maps = network.backbone(images.tensors)
    padded = images.tensors.shape[-1]
    assert [padded // feature.shape[-1] for feature in maps.values()] == [8, 16, 32]
    assert network.roi_heads.box_roi_pool.by_torchvision.scales == [1 / 8, 1 / 16, 1 / 32]


def test_tiny_objects_get_a_map_of_stride_4():
    settings = DetectorSettings()
    plan = make_plan(settings, [(512, 512)], [BOXES[0] / 4])
    maps = build_network(settings, plan, 1).backbone(torch.zeros(2, 3, 64, 64))
    assert [feature.shape[-1] for feature in maps.values()] == [16, 8, 4]


def test_batch_norm_follows_the_data_quickly():
    norms = [m for m in built(DetectorSettings()).modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms
    assert all(norm.momentum == 0.1 and norm.track_running_stats for norm in norms)


def test_windows_and_single_images_are_normalised_without_their_batch():
    network = built(DetectorSettings(batch_size=1)).train()
    first, second = torch.rand(2, 1, 3, 64, 64).unbind()
    alone = network.backbone(first)
    together = network.backbone(torch.cat([first, 5 * second]))
    for name, feature in alone.items():
        assert torch.allclose(feature[0], together[name][0], atol=1e-4)


def test_resnet50_from_scratch_trains_its_batch_norm():
    network = built(DetectorSettings(preset="resnet50", weights="none"))
    assert not any(isinstance(m, FrozenBatchNorm2d) for m in network.modules())
    assert all(p.requires_grad for p in network.parameters())


@pytest.mark.parametrize("name", ["yolo", "resnet18", "maskrcnn_resnet50_fpn"])
def test_an_unknown_preset_is_refused_with_the_known_ones(name):
    with pytest.raises(AlcError, match=f"'{name}' is no detector preset.*compact.*retinanet"):
        built(DetectorSettings(preset=name))


def test_another_torchvision_detector_trains_and_predicts(tmp_path):
    images = make_images(tmp_path / "images", 2)
    settings = QUICK.changed(
        preset="fasterrcnn_mobilenet_v3_large_320_fpn",
        weights="none",
        iterations=1,
        batch_size=2,
        input_size=96,
        max_detections=5,
    )
    weights = train(images, CATEGORIES, settings, tmp_path / "run")
    pieces = list(predict(weights, [(1, images[0].path)]))
    assert all(len(piece) <= 5 for piece in pieces)


def test_only_matrices_decay_in_compact():
    network = built(DetectorSettings())
    groups = make_optimiser(network, DetectorSettings()).param_groups
    assert [group["weight_decay"] for group in groups] == [0.01, 0.0]
    assert all(p.ndim > 1 for p in groups[0]["params"])
    assert all(p.ndim == 1 for p in groups[1]["params"])


@pytest.mark.parametrize("preset", ["compact", "ssdlite320_mobilenet_v3_large"])
def test_anchors_are_exact_in_half_precision(preset):
    network = built(DetectorSettings(preset=preset, weights="none")).eval()
    images, _ = network.transform([torch.rand(3, 320, 320)])
    generator = getattr(network, "rpn", network).anchor_generator
    maps = list(network.backbone(images.tensors).values())
    exact = generator(images, maps)[0]
    assert exact.dtype is torch.float32
    assert torch.equal(exact, generator(images, [of_level.bfloat16() for of_level in maps])[0])


@pytest.mark.parametrize(
    "preset", ["fasterrcnn_mobilenet_v3_large_320_fpn", "ssdlite320_mobilenet_v3_large"]
)
def test_boxes_and_scores_are_exact_in_half_precision(preset):
    network = built(DetectorSettings(preset=preset, weights="none", score_floor=0.0)).eval()
    with Precision("bf16", torch.device("cpu")).autocast(), torch.inference_mode():
        (found,) = network([torch.rand(3, 320, 320)])
    assert len(found["boxes"])
    assert (found["boxes"].dtype, found["scores"].dtype) == (torch.float32, torch.float32)
    assert not torch.equal(found["boxes"], found["boxes"].bfloat16().float())


@pytest.mark.parametrize("preset", ["compact", "resnet50"])
def test_optimisers_update_all_parameters_in_one_pass(preset):
    settings = DetectorSettings(preset=preset, weights="none")
    assert make_optimiser(built(settings), settings).defaults["fused"]


def test_compact_warms_up_and_falls_along_a_cosine():
    factors = [learning_rate_factor("compact", i, 600) for i in range(600)]
    assert factors[0] < 0.02
    assert 95 <= int(np.argmax(factors)) <= 100
    assert (np.diff(factors[100:]) < 0).all()
    assert factors[-1] == pytest.approx(0.01, abs=0.001)


def test_short_compact_runs_warm_up_for_a_quarter_at_most():
    factors = [learning_rate_factor("compact", i, 20) for i in range(20)]
    assert int(np.argmax(factors)) <= 5


def test_the_papers_rate_falls_after_epochs_27_and_33_of_36():
    factors = np.array([learning_rate_factor("resnet50", i, 3600) for i in range(3600)])
    assert factors[[400, 2699, 2700, 3311, 3312]] == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    assert factors[0] == pytest.approx(1 / 360)

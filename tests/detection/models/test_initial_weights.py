"""Where the weights of a detector start: ImageNet, a file, or none."""

from __future__ import annotations

import http.client
import pickle
import urllib.error
from pathlib import Path

import numpy as np
import pytest
import torch
from squares import CATEGORIES, QUICK, make_images
from torchvision import models
from torchvision.ops.misc import FrozenBatchNorm2d

from napari_alc.detection.models.presets import build_network
from napari_alc.detection.plan import make_plan
from napari_alc.detection.settings import DetectorSettings
from napari_alc.detection.training.training import train
from napari_alc.errors import AlcError, BadData

BOXES = [np.array([[0.0, 0, 20, 20], [0, 0, 30, 30]])]


def built(settings, **kwargs):
    plan = make_plan(settings, [(96, 64)], BOXES)
    return build_network(settings, plan, 2, **kwargs)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty cache of torchvision's and a machine without internet."""

    def offline(*_args, **_kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    return tmp_path / "hub" / "checkpoints"


def imagenet_file(hub):
    hub.mkdir(parents=True, exist_ok=True)
    return hub / Path(models.ResNet50_Weights.IMAGENET1K_V1.url).name


def test_resnet50_takes_a_file_of_classifier_weights(tmp_path):
    torch.manual_seed(1)
    classifier = models.resnet50(weights=None)
    torch.save(classifier.state_dict(), tmp_path / "resnet50.pth")
    settings = DetectorSettings(preset="resnet50", weights=str(tmp_path / "resnet50.pth"))
    body = built(settings).backbone.body
    assert torch.equal(body.conv1.weight, classifier.conv1.weight)
    assert isinstance(body.bn1, FrozenBatchNorm2d)
    assert not body.conv1.weight.requires_grad
    assert body.layer4[0].conv1.weight.requires_grad


def test_a_weights_file_of_another_architecture_is_refused(tmp_path):
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "other.pth")
    with pytest.raises(BadData, match=r"fits only 1 of the network's"):
        built(DetectorSettings(preset="resnet50", weights=str(tmp_path / "other.pth")))


def test_compact_has_no_imagenet_weights():
    with pytest.raises(AlcError, match="no ImageNet weights"):
        built(DetectorSettings(weights="imagenet"))


def test_weights_downloaded_earlier_are_taken_from_torchvisions_cache(hub):
    torch.manual_seed(2)
    state = models.resnet50(weights=None).state_dict()
    torch.save(state, imagenet_file(hub))
    body = built(DetectorSettings(preset="resnet50")).backbone.body
    assert torch.equal(body.layer3[0].conv2.weight, state["layer3.0.conv2.weight"])


@pytest.mark.usefixtures("hub")
def test_offline_with_an_empty_cache_the_three_choices_are_named():
    with pytest.raises(
        AlcError, match=r"no route.*Connect .*--weights FILE.*--weights none.*Settings"
    ):
        built(DetectorSettings(preset="resnet50"))
    with pytest.raises(AlcError, match=r"fasterrcnn_mobilenet.*Connect .*--weights none"):
        built(DetectorSettings(preset="fasterrcnn_mobilenet_v3_large_320_fpn", weights="imagenet"))
    assert built(DetectorSettings(preset="resnet50", weights="none"))


@pytest.mark.usefixtures("hub")
def test_a_download_that_breaks_off_is_told_in_words(monkeypatch):
    def broken(*_args, **_kwargs):
        raise http.client.IncompleteRead(b"half")

    monkeypatch.setattr(torch.hub, "download_url_to_file", broken)
    with pytest.raises(AlcError, match="could not be downloaded"):
        built(DetectorSettings(preset="resnet50"))


def test_a_damaged_download_is_named_with_its_folder(hub):
    imagenet_file(hub).write_bytes(b"half a file")
    with pytest.raises(AlcError, match=r"damaged. Delete them in .*checkpoints.*--weights FILE"):
        built(DetectorSettings(preset="resnet50"))


@pytest.mark.usefixtures("hub")
def test_the_announcement_of_a_download_stays_out_of_the_results(monkeypatch, capsys):
    def download(_url, path, *_args, **_kwargs):
        torch.save(models.resnet50(weights=None).state_dict(), path)

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    built(DetectorSettings(preset="resnet50"))
    said = capsys.readouterr()
    assert said.out == ""
    assert "Downloading" in said.err


@pytest.mark.parametrize("content", [b"", b"half a file", b"PK\x03\x04 cut off"])
def test_a_damaged_weights_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "broken.pth"
    path.write_bytes(content)
    with pytest.raises(BadData, match=r"broken\.pth: is damaged or no torch weights file"):
        built(DetectorSettings(weights=str(path)))


def test_a_weights_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadData, match=r"gone\.pth: no such weights file. Give another file"):
        built(DetectorSettings(weights=str(tmp_path / "gone.pth")))


def test_a_file_without_named_weights_is_refused(tmp_path):
    torch.save([torch.zeros(3)], tmp_path / "list.pth")
    with pytest.raises(BadData, match=r"list\.pth: holds no named weights"):
        built(DetectorSettings(weights=str(tmp_path / "list.pth")))


class Trap:
    """Pickled, it would touch a file when read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "save", [torch.save, lambda what, path: path.write_bytes(pickle.dumps(what, protocol=2))]
)
def test_code_in_a_weights_file_is_not_run(tmp_path, save):
    save({"model": Trap(tmp_path / "sprung")}, tmp_path / "trap.pth")
    with pytest.raises(BadData, match=r"trap\.pth"):
        built(DetectorSettings(weights=str(tmp_path / "trap.pth")))
    assert not (tmp_path / "sprung").exists()


def test_training_may_start_from_the_weights_of_an_earlier_one(trained, tmp_path):
    images = make_images(tmp_path / "images", 3)
    settings = QUICK.changed(iterations=1, learning_rate=1e-9, weights=str(trained))
    again = train(images, CATEGORIES, settings, tmp_path / "run")
    before, after = (torch.load(path, weights_only=True)["model"] for path in (trained, again))
    name = "roi_heads.box_head.fc6.weight"
    assert torch.allclose(before[name], after[name], atol=1e-6)

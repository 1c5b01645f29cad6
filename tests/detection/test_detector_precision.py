from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torchvision.ops.misc import FrozenBatchNorm2d

from napari_alc.detection.precision import Precision, choose_precision
from napari_alc.errors import AlcError

CARD = torch.device("cuda")


@pytest.fixture
def card(monkeypatch):
    """Pretends that there is a CUDA card, with or without bf16."""

    def pretend(has_bf16):
        monkeypatch.setattr("napari_alc.detection.precision._has_bf16", lambda _device: has_bf16)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "GeForce GTX 1080")

    return pretend


@pytest.mark.parametrize("device", ["cpu", "mps"])
@pytest.mark.parametrize("wanted", ["auto", "fp32", "bf16", "fp16"])
def test_without_a_cuda_card_everything_is_computed_in_full(device, wanted):
    assert choose_precision(wanted, torch.device(device)).name == "fp32"


@pytest.mark.parametrize(
    ("device", "memory_format"),
    [("cpu", torch.channels_last), ("cuda", torch.channels_last), ("mps", torch.contiguous_format)],
)
def test_the_channels_of_a_pixel_lie_side_by_side_where_that_is_faster(device, memory_format):
    assert Precision("fp32", torch.device(device)).memory_format is memory_format


def test_a_network_is_placed_with_its_convolutions_in_that_order():
    network = nn.Sequential(nn.Conv2d(8, 4, 3), nn.Flatten(), nn.Linear(4, 2))
    placed = Precision("fp32", torch.device("cpu")).place(network)
    assert placed[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert placed[0](torch.rand(1, 8, 5, 5)).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("has_bf16", "chosen"), [(True, "bf16"), (False, "fp16")])
def test_on_a_card_sixteen_bits_are_chosen_that_it_computes_in(card, has_bf16, chosen):
    card(has_bf16)
    assert choose_precision("auto", CARD).name == chosen


@pytest.mark.parametrize("wanted", ["fp32", "bf16", "fp16"])
def test_on_a_card_what_the_user_wants_holds(card, wanted):
    card(True)
    assert choose_precision(wanted, CARD).name == wanted


def test_bf16_is_refused_where_the_card_does_not_have_it(card):
    card(False)
    with pytest.raises(AlcError, match=r"GTX 1080 does not compute in bf16.*auto, fp16 or fp32"):
        choose_precision("bf16", CARD)


@pytest.mark.parametrize(("name", "scaled"), [("fp32", False), ("bf16", False), ("fp16", True)])
def test_only_the_small_gradients_of_fp16_are_scaled(name, scaled):
    assert Precision(name, torch.device("cpu")).scaler().is_enabled() is scaled


@pytest.mark.parametrize(
    ("name", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_convolutions_compute_in_the_precision_and_weights_stay_in_full(name, dtype):
    convolution = nn.Conv2d(3, 4, 3)
    with Precision(name, torch.device("cpu")).autocast():
        assert convolution(torch.rand(1, 3, 8, 8)).dtype is dtype
    assert convolution.weight.dtype is torch.float32


def frozen_norm():
    norm = FrozenBatchNorm2d(6)
    for numbers in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        numbers.uniform_(0.5, 2)
    return norm


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_frozen_normalisations_keep_sixteen_bits(dtype):
    norm, image = frozen_norm(), torch.rand(2, 6, 5, 5)
    expected = norm(image)
    name = "bf16" if dtype is torch.bfloat16 else "fp16"
    placed = Precision(name, torch.device("cpu")).place(nn.Sequential(norm))
    assert placed(image.to(dtype)).dtype is dtype
    assert torch.allclose(placed(image.to(dtype)).float(), expected, atol=0.05)
    assert torch.allclose(placed(image), expected, atol=1e-5)


def test_a_copy_of_a_placed_network_normalises_with_its_own_numbers():
    placed = Precision("bf16", torch.device("cpu")).place(nn.Sequential(frozen_norm()))
    copied, image = copy.deepcopy(placed), torch.rand(1, 6, 5, 5)
    copied[0].bias += 3
    assert torch.allclose(copied(image), placed(image) + 3, atol=1e-5)


def test_full_precision_gives_the_same_bits_as_no_precision_at_all():
    convolution, image = nn.Conv2d(3, 4, 3), torch.rand(1, 3, 8, 8)
    with Precision("fp32", torch.device("cpu")).autocast():
        within = convolution(image)
    assert torch.equal(within, convolution(image))

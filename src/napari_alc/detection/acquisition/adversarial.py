"""VAAL: images that look unlike those already labelled.

Sinha et al. 2019: a variational autoencoder learns all images, a discriminator to tell labelled
from unlabelled ones by their latent code mu, and the autoencoder to make both look labelled.
What still looks unlabelled is taken. The detector plays no part.

Images are scaled to `SIDE`², as in the paper's comparison. Ours are: a small network, so that one
core of a laptop's processor needs about two minutes for 200 images; the number of iterations,
which follows the pool; and an evidence lower bound that is divided by the number of pixels, to
which the adversary's loss is added as the mean over both kinds of images (the authors add the
losses of the two kinds).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn, optim
from torch.nn import functional

from napari_alc.boxes import Floats
from napari_alc.detection.acquisition.pool import AHEAD, READERS, STEP, Pool
from napari_alc.detection.data.cache import Bytes, read_eight_bit, scaled
from napari_alc.detection.data.loading import read_ahead
from napari_alc.detection.data.samples import as_input
from napari_alc.detection.devices import cpu_threads, enough_memory
from napari_alc.detection.models.weights import load_detector
from napari_alc.errors import Cancelled
from napari_alc.progress import Progress, Report, ShouldStop

SIDE = 256
CHANNELS = (16, 32, 64, 64)
"""After each convolution of the encoder; each halves the sides, the first quarters them."""
LATENT, HIDDEN = 32, 512
BATCH = 8
"""Images a step of either kind, labelled and unlabelled."""
PASSES, MOST_ITERATIONS = 16, 3000
VAE_STEPS = 2
LEARNING_RATE = 5e-4
DRAW_STREAM = 22
AT_ONCE = 64


class Autoencoder(nn.Module):
    """Images (B, 3, `SIDE`, `SIDE`) in 0-1 to a latent code and back."""

    def __init__(self) -> None:
        super().__init__()
        ends = list(zip((3, *CHANNELS[:-1]), CHANNELS, (4, 2, 2, 2), strict=True))
        self.encoder = nn.Sequential(*(m for end in ends for m in _down(*end)), nn.Flatten())
        self.side = SIDE // 32
        inner = CHANNELS[-1] * self.side**2
        self.code = nn.Linear(inner, 2 * LATENT)
        self.inflate = nn.Linear(LATENT, inner)
        up = [m for inputs, outputs, by in ends[:0:-1] for m in _up(outputs, inputs, by)]
        self.decoder = nn.Sequential(*up, nn.ConvTranspose2d(CHANNELS[0], 3, 4, 4))

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of the code, (B, `LATENT`) each."""
        mean, log_variance = self.code(self.encoder(images)).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, code: Tensor) -> Tensor:
        """Codes (B, `LATENT`) to images."""
        maps = self.inflate(code).view(-1, CHANNELS[-1], self.side, self.side)
        images: Tensor = self.decoder(maps).sigmoid()
        return images


def _down(inputs: int, outputs: int, by: int) -> tuple[nn.Module, ...]:
    # So that each layer divides the sides exactly and its mirror image multiplies them back.
    kernel, border = max(by, 4), 0 if by == 4 else 1
    convolution = nn.Conv2d(inputs, outputs, kernel, by, border, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)


def _up(inputs: int, outputs: int, by: int) -> tuple[nn.Module, ...]:
    convolution = nn.ConvTranspose2d(inputs, outputs, 4, by, 1, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)


def _discriminator() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(LATENT, HIDDEN),
        nn.ReLU(inplace=True),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(inplace=True),
        nn.Linear(HIDDEN, 1),
    )


def iterations_for(images: int) -> int:
    """Steps of the discriminator: `PASSES` over the unlabelled images, at most 3000."""
    return min(MOST_ITERATIONS, PASSES * -(-images // BATCH))


def measure_likeness(
    pool: Pool, report: Report, should_stop: ShouldStop, device: torch.device
) -> Floats:
    """How labelled each unlabelled image looks to the discriminator, D(mu), shape (M,), in 0-1."""
    # By their ids, so that the order of the pool leaves no trace.
    order = np.argsort([image_id for image_id, _ in pool.unlabelled], kind="stable")
    threads = load_detector(pool.weights).settings.threads
    unlabelled = _read([pool.unlabelled[i] for i in order], pool, should_stop)
    labelled = _read(sorted(pool.labelled), pool, should_stop)
    values = np.empty(len(order))
    with enough_memory(), cpu_threads(threads), torch.random.fork_rng():
        torch.manual_seed(pool.seed)
        # Weights are drawn on the CPU and moved: a seed gives the same start on every device.
        players = _Players(device)
        _play(players, unlabelled, labelled, pool.seed, report, should_stop)
        values[order] = players.likeness(unlabelled)
    return values


def _read(images: Sequence[tuple[int, Path]], pool: Pool, should_stop: ShouldStop) -> list[Bytes]:
    """The images at `SIDE`² pixels, which a side of the original may be stretched to."""
    cache = pool.cache

    def small(path: Path) -> Bytes:
        if cache is None:
            return scaled(read_eight_bit(path), SIDE, SIDE)
        return np.array(cache.scaled(path, SIDE, SIDE, make_room=False))

    found = []
    for image in read_ahead((path for _, path in images), small, READERS, AHEAD):
        if should_stop():
            raise Cancelled(STEP)
        found.append(image)
    return found


def _play(
    players: _Players,
    unlabelled: Sequence[Bytes],
    labelled: Sequence[Bytes],
    seed: int,
    report: Report,
    should_stop: ShouldStop,
) -> None:
    rng = np.random.default_rng([seed, DRAW_STREAM])
    # As long as the pool asks, whatever the labelled images are: they are drawn again and again.
    total = iterations_for(len(unlabelled))
    for iteration in range(total):
        if should_stop():
            raise Cancelled(STEP)
        for _ in range(VAE_STEPS):
            players.improve_code(_drawn(labelled, rng), _drawn(unlabelled, rng))
        players.improve_judgement(_drawn(labelled, rng), _drawn(unlabelled, rng))
        report(Progress(STEP, iteration + 1, total, "comparing with the images already chosen"))


def _drawn(images: Sequence[Bytes], rng: np.random.Generator) -> Tensor:
    chosen = rng.choice(len(images), size=min(BATCH, len(images)), replace=False)
    return torch.stack([as_input(images[i]) for i in chosen])


class _Players:
    """The autoencoder and the discriminator, with first weights from torch's generator."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.coder = Autoencoder().to(device)
        self.judge = _discriminator().to(device)
        self.of_coder = optim.Adam(self.coder.parameters(), lr=LEARNING_RATE)
        self.of_judge = optim.Adam(self.judge.parameters(), lr=LEARNING_RATE)

    def improve_code(self, labelled: Tensor, unlabelled: Tensor) -> None:
        """Let the autoencoder reconstruct both kinds better, and make both look labelled."""
        # In one pass, so that the normalisation does not even out what tells the kinds apart.
        images = torch.cat([labelled, unlabelled]).to(self.device)
        mean, log_variance = self.coder.encode(images)
        code = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        bound = _bound(images, self.coder.decode(code), mean, log_variance)
        verdict = _verdict(self.judge(mean), torch.ones(len(images), 1, device=self.device))
        _descend(self.of_coder, bound + verdict)

    def improve_judgement(self, labelled: Tensor, unlabelled: Tensor) -> None:
        """Let the discriminator tell the kinds apart better."""
        # The discriminator's step must not move the encoder: the two play against each other.
        with torch.no_grad():
            mean, _ = self.coder.encode(torch.cat([labelled, unlabelled]).to(self.device))
        truth = torch.zeros(len(mean), 1, device=self.device)
        truth[: len(labelled)] = 1
        _descend(self.of_judge, _verdict(self.judge(mean), truth))

    def likeness(self, images: Sequence[Bytes]) -> Floats:
        """D(mu) of each image, shape (M,)."""
        self.coder.eval()
        # Some at a time, as the whole pool need not fit into a card's memory.
        found = [np.empty(0)]
        for start in range(0, len(images), AT_ONCE):
            part = torch.stack([as_input(image) for image in images[start : start + AT_ONCE]])
            with torch.inference_mode():
                mean, _ = self.coder.encode(part.to(self.device))
                found.append(self.judge(mean)[:, 0].sigmoid().double().cpu().numpy())
        return np.concatenate(found)


def _bound(images: Tensor, again: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Negative evidence lower bound a pixel and channel, for a Gaussian of variance 1/2."""
    error = functional.mse_loss(again, images)
    divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / 2
    return error + divergence / images.numel()


def _verdict(logits: Tensor, wanted: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, wanted)


def _descend(optimiser: optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    torch.autograd.backward(loss)
    optimiser.step()

"""Smooth random fields and soft shapes that images are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

Field = NDArray[np.float32]


@cache
def _spline_basis(size: int, knots: int) -> Field:
    """Values of the cubic B-splines on `knots` intervals at `size` points, (size, knots + 3)."""
    where = (np.arange(size) + 0.5) * knots / size
    basis = BSpline.design_matrix(where, np.arange(-3, knots + 4, dtype=np.float64), 3)
    return np.asarray(basis.toarray(), dtype=np.float32)


def smooth_noise(size: int, wavelength: float, rng: np.random.Generator) -> Field:
    """Random field of mean 0 and standard deviation about 1 without details below `wavelength`.

    Parameters
    ----------
    size
        Side of the square field in pixels.
    wavelength
        Smallest distance of two bright spots, about, in pixels; at least 2.
    """
    knots = max(2, round(2 * size / wavelength))
    basis = _spline_basis(size, knots)
    weights = rng.standard_normal((knots + 3, knots + 3), dtype=np.float32)
    # White noise through cubic B-splines loses 0.48 of its deviation along each axis.
    return np.asarray(basis @ weights @ basis.T / 0.479, dtype=np.float32)


def step(field: Field, softness: float) -> Field:
    """Soft step from 0 (far below zero) to 1 (far above), `softness` wide."""
    return np.asarray(1 / (1 + np.exp(-np.clip(4 * field / softness, -30, 30))), dtype=np.float32)


@dataclass(frozen=True)
class Blob:
    """A lump with a wavy outline.

    Parameters
    ----------
    x, y
        Centre in pixels.
    along, across
        Semi-axes in pixels.
    angle
        Direction of the first axis in radians.
    waves
        Amplitudes of the outline's 2nd, 3rd, … harmonic, relative to its radius.
    phases
        Their phases in radians.
    """

    x: float
    y: float
    along: float
    across: float
    angle: float
    waves: tuple[float, ...]
    phases: tuple[float, ...]

    def inside(self, x: Field, y: Field) -> Field:
        """Relative distance to the outline: 1 in the centre, 0 on it, negative outside."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        u = ((x - self.x) * cos + (y - self.y) * sin) / self.along
        v = ((y - self.y) * cos - (x - self.x) * sin) / self.across
        turn = np.arctan2(v, u)
        outline = 1.0 + sum(
            wave * np.cos(order * turn + phase)
            for order, (wave, phase) in enumerate(zip(self.waves, self.phases, strict=True), 2)
        )
        return np.asarray(1 - np.hypot(u, v) / outline, dtype=np.float32)


def random_blob(
    x: float, y: float, along: float, across: float, angle: float, rng: np.random.Generator
) -> Blob:
    """Return a blob whose outline deviates by some ten percent from an ellipse."""
    waves = tuple((rng.normal(0, 0.09, 4) / np.array([1.0, 1.3, 1.8, 2.5])).tolist())
    return Blob(x, y, along, across, angle, waves, tuple(rng.uniform(0, 2 * np.pi, 4).tolist()))

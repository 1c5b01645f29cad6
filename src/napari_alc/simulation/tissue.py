"""The glomerular capillary wall as an electron microscope sees it, without deposits.

From inside to outside: capillary lumen, fenestrated endothelium, basement membrane, podocyte
foot processes, urinary space. What is computed is density: 0 lets all electrons pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from napari_alc.boxes import Integers, Mask, group_keys
from napari_alc.simulation.fields import Blob, Field, random_blob, smooth_noise, step

WALL_SPACING = 430.0
"""Typical distance of two capillary walls in pixels."""

HALF_MEMBRANE = 17.0
"""Half of the basement membrane's thickness in pixels: about 270 nm at 8 nm a pixel."""

FOOT_WIDTH = 26
"""Typical width of a podocyte foot process in pixels."""

BRIGHT, PLASMA, CYTOPLASM, MEMBRANE, LINE = 0.10, 0.18, 0.30, 0.50, 0.74
"""Densities of open space, plasma, cytoplasm, basement membrane and cell membranes."""


@dataclass(frozen=True, eq=False)
class Wall:
    """Where the basement membrane runs, as fields of one shape.

    Parameters
    ----------
    distance
        Signed distance to the membrane's middle in pixels, positive towards the podocytes.
    half
        Half of its local thickness in pixels.
    along_x, along_y
        Coordinates of the nearest point of the membrane's middle in pixels.
    """

    distance: Field
    half: Field
    along_x: Field
    along_y: Field


@dataclass(frozen=True, eq=False)
class Tissue:
    """Density of every pixel, the wall, and where there is cytoplasm away from the wall."""

    density: Field
    wall: Wall
    cytoplasm: Mask


def random_tissue(size: int, rng: np.random.Generator) -> Tissue:
    """Grow a square piece of capillary wall, `size` pixels wide."""
    wall = _random_wall(size, rng)
    density, cytoplasm = _outside(wall, rng)
    inner, inner_cytoplasm = _inside(wall, rng)
    density = np.where(wall.distance > 0, density, inner)
    in_membrane = step(wall.half - np.abs(wall.distance), 2.0)
    density = density + (_membrane(wall, rng) - density) * in_membrane
    cytoplasm = np.where(wall.distance > 0, cytoplasm, inner_cytoplasm)
    tissue = Tissue(density, wall, cytoplasm & (np.abs(wall.distance) > 2 * HALF_MEMBRANE))
    _add_organelles(tissue, rng)
    return tissue


def _random_wall(size: int, rng: np.random.Generator) -> Wall:
    rows, columns = np.mgrid[:size, :size].astype(np.float32) - size / 2
    angle, shift = rng.uniform(0, 2 * np.pi), rng.uniform(-0.6, 0.6)
    across = columns * np.cos(angle) + rows * np.sin(angle)
    height = np.sin(np.pi * across / WALL_SPACING + shift)
    outside = height + 0.42 * smooth_noise(size, 330, rng) > 0
    to_inside, nearest = ndimage.distance_transform_edt(outside, return_indices=True)
    to_outside, other = ndimage.distance_transform_edt(~outside, return_indices=True)
    # Smoothed: at the seam of the two distances a step of a pixel would draw a line.
    distance = ndimage.gaussian_filter((to_inside - to_outside).astype(np.float32), 2.0)
    y, x = np.where(outside, nearest, other).astype(np.float32)
    half = HALF_MEMBRANE * (1 + 0.16 * smooth_noise(size, 90, rng))
    return Wall(distance, half.astype(np.float32), x, y)


def _membrane(wall: Wall, rng: np.random.Generator) -> Field:
    size = len(wall.half)
    dense_layer = np.exp(-((wall.distance / (0.55 * wall.half)) ** 2))
    fibres = 0.022 * smooth_noise(size, 5, rng) + 0.03 * smooth_noise(size, 40, rng)
    return np.asarray(MEMBRANE - 0.05 + 0.09 * dense_layer + fibres, dtype=np.float32)


def _texture(size: int, rng: np.random.Generator) -> Field:
    """Cytoplasm: mottled, with dark grains (ribosomes)."""
    grains = smooth_noise(size, 5, rng)
    mottled = 0.03 * smooth_noise(size, 12, rng) + 0.04 * smooth_noise(size, 60, rng)
    return np.asarray(CYTOPLASM + mottled + 0.12 * step(grains - 1.4, 1.0), dtype=np.float32)


def _line(distance: Field, width: float) -> Field:
    return np.asarray(np.exp(-((distance / width) ** 2)), dtype=np.float32)


def _feet(wall: Wall, rng: np.random.Generator) -> tuple[Field, Field]:
    """Distance of every pixel to its foot process's side, and that process's height."""
    near = (wall.distance > 0) & (wall.distance < 90)
    foot = np.stack([wall.along_x[near], wall.along_y[near]], axis=1)
    # Where the membrane bends, many pixels share one nearest point; halfway to it they differ.
    rows, columns = np.nonzero(near)
    points = (foot + np.stack([columns, rows], axis=1)) / 2
    cells = group_keys(*(points // FOOT_WIDTH).astype(np.int64).T)
    order = rng.permutation(len(cells))
    # One pixel at random from each cell is the seed of a foot; a regular grid would show.
    _, chosen = np.unique(cells[order], return_index=True)
    feet = points[order[chosen]]
    distances, cell = cKDTree(feet).query(points, k=2)
    side = np.full(near.shape, 50.0, dtype=np.float32)
    height = np.zeros(near.shape, dtype=np.float32)
    side[near] = (distances[:, 1] - distances[:, 0]) / 2
    height[near] = rng.uniform(20, 46, len(feet))[cell[:, 0]]
    fused = smooth_noise(len(side), 150, rng) > 0.9
    side[fused] = 50.0
    return side, height


def _outside(wall: Wall, rng: np.random.Generator) -> tuple[Field, Mask]:
    """Podocyte foot processes, podocyte bodies and urinary space."""
    size = len(wall.half)
    body_edge = (smooth_noise(size, 170, rng) - 0.2) * 45
    body_edge = np.minimum(body_edge, wall.distance - HALF_MEMBRANE - 50)
    side, height = _feet(wall, rng)
    above = wall.distance - wall.half
    top = height - above - 12 * np.exp(-side / 5)
    foot_edge = np.minimum(np.minimum(top, side - 1.6), above)
    edge = np.maximum(body_edge, foot_edge)
    space = BRIGHT + 0.015 * smooth_noise(size, 25, rng)
    density = space + (_texture(size, rng) - space) * step(edge, 2.0)
    density = density + (LINE - density) * 0.75 * _line(edge, 1.5)
    return density.astype(np.float32), edge > 7


def _inside(wall: Wall, rng: np.random.Generator) -> tuple[Field, Mask]:
    """Fenestrated endothelium, plasma and now and then a red blood cell."""
    size = len(wall.half)
    below = -wall.distance - wall.half
    thickness = 9 + 9 * smooth_noise(size, 55, rng) + 12 * smooth_noise(size, 260, rng)
    edge = np.minimum(np.minimum(thickness - below, 2.2 * thickness), below)
    plasma = PLASMA + 0.03 * smooth_noise(size, 6, rng) + 0.03 * smooth_noise(size, 110, rng)
    erythrocyte = np.minimum((smooth_noise(size, 260, rng) - 1.4) * 60, below - 45)
    plasma = plasma + (0.80 - plasma) * step(erythrocyte, 4.0)
    density = plasma + (_texture(size, rng) + 0.03 - plasma) * step(edge, 2.0)
    density = density + (LINE - density) * 0.7 * _line(edge, 1.5)
    return density.astype(np.float32), edge > 7


def random_points(where: Mask, count: int, rng: np.random.Generator) -> Integers:
    """Draw `count` pixels (x, y) of a mask, shape (count, 2); none where it is empty."""
    rows, columns = np.nonzero(where)
    if not len(rows):
        return np.empty((0, 2), dtype=np.int64)
    chosen = rng.integers(0, len(rows), count)
    return np.stack([columns[chosen], rows[chosen]], axis=1)


def stamp(density: Field, blob: Blob, target: float, strength: float, softness: float) -> None:
    """Pull the density inside a blob towards `target`, in place.

    Parameters
    ----------
    strength
        How far, 0–1.
    softness
        Width of the blurred rim relative to the blob's radius.
    """
    window, x, y = window_of(blob, density.shape)
    cover = strength * step(blob.inside(x, y), softness)
    density[window] += (target - density[window]) * cover


def window_of(blob: Blob, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], Field, Field]:
    """The part of an image around a blob, and its pixels' centres in x and y."""
    reach = 1.8 * max(blob.along, blob.across)
    top, bottom = np.clip([blob.y - reach, blob.y + reach + 1], 0, shape[0]).astype(int)
    left, right = np.clip([blob.x - reach, blob.x + reach + 1], 0, shape[1]).astype(int)
    rows, columns = np.mgrid[top:bottom, left:right].astype(np.float32) + 0.5
    return (slice(top, bottom), slice(left, right)), columns, rows


def _add_organelles(tissue: Tissue, rng: np.random.Generator) -> None:
    """Mitochondria (gray, rimmed, with cristae) and vesicles (bright, rimmed)."""
    number = round(tissue.cytoplasm.sum() / 5000)
    for x, y in random_points(tissue.cytoplasm, number, rng):
        angle = rng.uniform(0, np.pi)
        if rng.random() < 0.5:
            blob = random_blob(x, y, rng.uniform(11, 20), rng.uniform(6, 10), angle, rng)
            _draw_mitochondrion(tissue.density, blob)
        else:
            radius = rng.uniform(3, 8)
            blob = random_blob(x, y, radius, radius * rng.uniform(0.8, 1), angle, rng)
            stamp(tissue.density, blob, LINE, 0.6, 0.5)
            inner = random_blob(x, y, 0.65 * radius, 0.65 * radius, angle, rng)
            stamp(tissue.density, inner, 0.16, 0.9, 0.4)


def _draw_mitochondrion(density: Field, blob: Blob) -> None:
    window, x, y = window_of(blob, density.shape)
    inside = blob.inside(x, y)
    along = (x - blob.x) * np.cos(blob.angle) + (y - blob.y) * np.sin(blob.angle)
    cristae = 0.42 + 0.10 * np.sin(along * 1.7)
    body = cristae + (LINE - cristae) * 0.8 * _line(inside, 0.14)
    density[window] += (body - density[window]) * step(inside + 0.1, 0.2)

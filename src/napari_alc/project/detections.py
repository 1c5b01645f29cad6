"""Detections on disk, in pieces, so that a prediction that was killed goes on."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from napari_alc.errors import BadData
from napari_alc.files import atomic_write
from napari_alc.labels import Detections
from napari_alc.progress import Progress, Report, ShouldStop

IMAGES_A_PIECE = 64
"""A killed prediction loses at most this many images."""

_COLUMNS = ("image_ids", "category_ids", "boxes", "scores")


def predict_pieces(
    weights: Path,
    images: Sequence[tuple[int, Path]],
    folder: Path,
    report: Report,
    should_stop: ShouldStop,
    device: str,
) -> Detections:
    """Predict on `images` and keep the result in `folder`, a file for every few images.

    Pieces made by the same weights for the same images are not made again.
    """
    from napari_alc.detection.prediction import predict

    maker = _fingerprint(weights)
    pieces = [images[i : i + IMAGES_A_PIECE] for i in range(0, len(images), IMAGES_A_PIECE)]
    _drop_surplus(folder, len(pieces))
    for number, piece in enumerate(pieces):
        path = _piece_path(folder, number)
        ids = [image_id for image_id, _ in piece]
        if _is_made(path, maker, ids):
            continue
        start = number * IMAGES_A_PIECE

        def report_all(progress: Progress, start: int = start) -> None:
            report(Progress(progress.step, start + progress.done, len(images), progress.message))

        parts = predict(weights, piece, report_all, should_stop, device)
        _save(path, Detections.empty().joined(*parts), maker, ids)
    return load_pieces(folder, [image_id for image_id, _ in images])


def load_pieces(folder: Path, image_ids: Iterable[int]) -> Detections:
    """The detections on some images that are kept in `folder`.

    Raises
    ------
    BadData
        When a file is damaged, or one of the images is in none of them.
    """
    wanted = set(image_ids)
    contents = [_read(path) for path in sorted(folder.glob("piece-*.npz"))]
    missing = wanted.difference(*(content["asked"].tolist() for content in contents))
    if missing:
        raise BadData(
            folder,
            f"the detections on {len(missing)} images are missing, first image {min(missing)}",
            "Predict again",
        )
    parts = (Detections(*(content[name] for name in _COLUMNS)) for content in contents)
    return Detections.empty().joined(*parts).of_images(wanted)


def _fingerprint(weights: Path) -> str:
    try:
        return blake2b(weights.read_bytes(), digest_size=16).hexdigest()
    except OSError as error:
        raise BadData(
            weights, f"the trained detector cannot be read ({error.strerror})", "Train again"
        ) from error


def _piece_path(folder: Path, number: int) -> Path:
    return folder / f"piece-{number:06d}.npz"


def _drop_surplus(folder: Path, count: int) -> None:
    """Remove pieces of an earlier, longer prediction."""
    keep = {_piece_path(folder, number) for number in range(count)}
    for path in folder.glob("piece-*.npz"):
        if path not in keep:
            path.unlink()


def _is_made(path: Path, maker: str, ids: Sequence[int]) -> bool:
    if not path.exists():
        return False
    try:
        content = _read(path)
    except BadData:  # Whatever was in it can be made again.
        return False
    return str(content["maker"]) == maker and content["asked"].tolist() == list(ids)


def _save(path: Path, detections: Detections, maker: str, ids: Sequence[int]) -> None:
    buffer = BytesIO()
    columns = {name: getattr(detections, name) for name in _COLUMNS}
    np.savez_compressed(
        buffer, maker=np.array(maker), asked=np.array(ids, dtype=np.int64), **columns
    )
    with atomic_write(path) as stream:
        stream.write(buffer.getvalue())


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in (*_COLUMNS, "maker", "asked")}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise BadData(
            path,
            f"the stored detections are damaged ({error})",
            "Predict again",
        ) from error

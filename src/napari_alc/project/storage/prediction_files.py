"""Detections on disk, in pieces, so that a prediction that was killed goes on.

Also whether what training and prediction left on disk is still there, and whole.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from napari_alc.boxes import Integers
from napari_alc.errors import BadData
from napari_alc.files import FileState, write_bytes
from napari_alc.labels import Detections
from napari_alc.progress import Progress, Report, ShouldStop

IMAGES_A_PIECE = 64
"""A killed prediction loses at most this many images."""

PIECES_KEPT = 16
"""Files of detections held in memory at once by one who reads them in turn."""

_COLUMNS = ("image_ids", "category_ids", "boxes", "scores")


@dataclass(frozen=True)
class MissingPiece:
    """Images to look at next, by id and file, how many come before, and where the result goes."""

    path: Path
    start: int
    images: Sequence[tuple[int, Path]]

    @property
    def image_ids(self) -> list[int]:
        """The ids alone."""
        return [image_id for image_id, _ in self.images]


def predict_pieces(
    weights: Path,
    images: Sequence[tuple[int, Path]],
    folder: Path,
    report: Report,
    should_stop: ShouldStop,
    device: str,
    *,
    cache_folder: Path | None = None,
) -> Detections:
    """Predict on `images` and keep the result in `folder`, a file for every few images.

    Pieces made by the same weights for the same images are not made again. Each is, to the last
    bit, what it is without the others. Decoded images are kept in the `cache_folder`, if there is
    one. The rest is as in `napari_alc.detection.inference.prediction.predict`.
    """
    maker = fingerprint(weights)
    pieces = list(missing_pieces(maker, images, folder))
    wanted = [image for piece in pieces for image in piece.images]
    made = len(images) - len(wanted)

    def report_all(progress: Progress) -> None:
        report(Progress(progress.step, made + progress.done, len(images), progress.message))

    found = _predicted(weights, wanted, report_all, should_stop, device, cache_folder)
    for piece in pieces:
        of_images = islice(found, len(piece.images))
        save_piece(piece.path, Detections.empty().joined(*of_images), maker, piece.image_ids)
    return load_pieces(folder, [image_id for image_id, _ in images])


def _predicted(
    weights: Path,
    images: Sequence[tuple[int, Path]],
    report: Report,
    should_stop: ShouldStop,
    device: str,
    cache_folder: Path | None,
) -> Iterator[Detections]:
    from napari_alc.detection.data.cache import ImageCache
    from napari_alc.detection.inference.prediction import predict

    cache = ImageCache(cache_folder) if cache_folder else None
    return predict(
        weights, images, report, should_stop, device, cache=cache, together=IMAGES_A_PIECE
    )


def missing_pieces(
    maker: str, images: Sequence[tuple[int, Path]], folder: Path
) -> Iterator[MissingPiece]:
    """The pieces of `images` that `folder` does not hold yet from the weights `maker`.

    Pieces of an earlier, longer prediction are removed.
    """
    starts = range(0, len(images), IMAGES_A_PIECE)
    _drop_surplus(folder, len(starts))
    for number, start in enumerate(starts):
        path = _piece_path(folder, number)
        piece = MissingPiece(path, start, images[start : start + IMAGES_A_PIECE])
        if not _is_made(path, maker, piece.image_ids):
            yield piece


def load_pieces(folder: Path, image_ids: Iterable[int]) -> Detections:
    """The detections on some images that are kept in `folder`.

    Raises
    ------
    BadData
        When a file is damaged, or one of the images is in none of them.
    """
    return StoredDetections(folder).of(image_ids)


class StoredDetections:
    """The detections in a folder of `predict_pieces`; only the files asked for are held in memory.

    Raises
    ------
    BadData
        When a file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths = {
            image_id: path
            for path in sorted(folder.glob("piece-*.npz"))
            for image_id in _read(path, ("asked",))["asked"].tolist()
        }
        self._load = lru_cache(maxsize=PIECES_KEPT)(_detections_in)

    def of(self, image_ids: Iterable[int]) -> Detections:
        """The detections on some images, in the order of the files.

        Raises
        ------
        BadData
            When a file is damaged, or one of the images is in none of them.
        """
        wanted = set(image_ids)
        missing = wanted - self._paths.keys()
        if missing:
            raise BadData(
                self._folder,
                f"the detections on {len(missing)} images are missing, first image {min(missing)}",
                "Predict again",
            )
        in_file: dict[Path, list[int]] = {}
        for image_id in wanted:
            in_file.setdefault(self._paths[image_id], []).append(image_id)
        parts = (self._load(path).of_images(ids) for path, ids in sorted(in_file.items()))
        return Detections.empty().joined(*parts)


def _detections_in(path: Path) -> Detections:
    content = _read(path)
    return Detections(*(content[name] for name in _COLUMNS))


def fingerprint(weights: Path) -> str:
    """What tells the weights in one file from those in another."""
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


def save_piece(path: Path, detections: Detections, maker: str, ids: Sequence[int]) -> None:
    """Keep what the weights `maker` found in the images `ids`."""
    buffer = BytesIO()
    columns = {name: getattr(detections, name) for name in _COLUMNS}
    np.savez_compressed(
        buffer, maker=np.array(maker), asked=np.array(ids, dtype=np.int64), **columns
    )
    write_bytes(path, buffer.getvalue())


def _read(
    path: Path, names: Sequence[str] = (*_COLUMNS, "maker", "asked")
) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise BadData(
            path, f"the stored detections are damaged ({error})", "Predict again"
        ) from error


FILES_REMEMBERED = 4096
"""Pieces of some 100,000 images: what was read once is not read again until it changes."""


def is_whole_archive(path: Path) -> bool:
    """Whether a file of ``torch.save`` or ``numpy.savez`` can be read to its last byte.

    Both are ZIP archives, which hold a checksum of each part.
    """
    return _numbers_in(path, "") is not None


def images_looked_at(folder: Path) -> int:
    """How many images the whole pieces of a prediction in `folder` are about."""
    return sum(map(len, _ids_of_whole(folder)))


def has_looked_at(folder: Path, image_ids: Iterable[int]) -> bool:
    """Whether the whole pieces of a prediction in `folder` are about all of some images."""
    looked_at = np.concatenate([np.empty(0, np.int64), *_ids_of_whole(folder)])
    return bool(np.isin(np.fromiter(image_ids, np.int64), looked_at).all())


def _ids_of_whole(folder: Path) -> list[Integers]:
    found = (_numbers_in(path, "asked.npy") for path in sorted(folder.glob("piece-*.npz")))
    return [ids for ids in found if ids is not None]


def drop_damaged_training(weights: Path, record: Path) -> None:
    """Remove weights that are damaged, or whose record is, so that they are trained again.

    Reading tensors does not check them: a changed byte would go on as a weight.
    """
    if not (_is_record(record) and is_whole_archive(weights)):
        weights.unlink(missing_ok=True)


def _is_record(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_text(encoding="utf-8")), dict)
    except (OSError, ValueError):
        return False


def _numbers_in(path: Path, name: str) -> Integers | None:
    try:
        state = FileState.of(path)
    except OSError:
        return None
    return _array(path, name, state.size, state.changed_ns)


@lru_cache(maxsize=FILES_REMEMBERED)
def _array(path: Path, name: str, size: int, changed_ns: int) -> Integers | None:  # noqa: ARG001
    """The array `name` in a whole archive, empty without a name; None for a damaged one."""
    try:
        with ZipFile(path) as archive:
            if archive.testzip() is not None:
                return None
            if not name:
                return np.empty(0, np.int64)
            with archive.open(name) as stream:
                return np.lib.format.read_array(stream, allow_pickle=False).astype(np.int64)
    except (OSError, BadZipFile, EOFError, KeyError, ValueError, NotImplementedError, zlib.error):
        return None

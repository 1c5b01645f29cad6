"""Images on disk: finding, measuring, reading and writing them, and their 8-bit view.

Pixels are taken as stored: a JPEG's EXIF orientation is not applied, as in napari's own
reader, so that boxes, sizes and pixels always speak of the same axes.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from napari_alc.errors import BadData, unreadable
from napari_alc.files import atomic_write
from napari_alc.formats.pixel_size import NOT_UNDERSTOOD, nm_per_pixel
from napari_alc.formats.records import read_bytes

Pixels = NDArray[Any]
"""An image: (H, W) gray or (H, W, 3) colour, of any real number type."""

TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
JPEG_SUFFIXES = frozenset({".jpg", ".jpeg"})
IMAGE_SUFFIXES = TIFF_SUFFIXES | JPEG_SUFFIXES | {".png"}
"""Suffixes of readable images, in lower case."""

LOW, HIGH = 0.5, 99.5
"""Percentiles that become black and white in the 8-bit view of 16-bit and float images."""

MOST_SAMPLES = 1_000_000
"""Pixels that percentiles are taken from: of larger images every n-th row and column."""

_UNREADABLE = (*NOT_UNDERSTOOD, MemoryError, Image.DecompressionBombError)
"""What tifffile, imagecodecs and Pillow raise on damaged files."""

# tifffile warns of damage that is raised as an error here as well; one line is enough
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def find_images(folder: Path) -> tuple[Path, ...]:
    """All images in `folder` and its subfolders, sorted by name; hidden ones are ignored.

    Raises
    ------
    BadData
        When the folder is missing or holds no image.
    """
    if not folder.is_dir():
        raise BadData(folder, "is not a folder", "Give the folder that holds the images")
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in files if _is_image(name)]
    if not found:
        kinds = ", ".join(sorted(IMAGE_SUFFIXES))
        raise BadData(folder, "holds no images", f"Give a folder with images ({kinds})")
    return tuple(sorted(found, key=lambda path: path.relative_to(folder).as_posix()))


def _is_image(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except BadData:
        raise
    except FileNotFoundError as error:
        raise BadData(path, "there is no such image", "Check the path") from error
    except _UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadData(
            path, f"cannot be read as an image ({reason})", "Replace the file or leave it out"
        ) from error


def image_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, from the file's header alone.

    Raises
    ------
    BadData
        When there is no readable image.
    """
    with _readable(path):
        if path.suffix.lower() in TIFF_SUFFIXES:
            with tifffile.TiffFile(path) as tiff:
                page = _only_page(path, tiff)
                return int(page.imagewidth), int(page.imagelength)
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            return image.size


EXIF_ORIENTATION = 0x0112
"""1, or absent, where an image is stored upright."""


def is_turned(path: Path) -> bool:
    """Whether a JPEG says that it is to be turned or mirrored before it is shown.

    Raises
    ------
    BadData
        When there is no readable image.
    """
    if path.suffix.lower() not in JPEG_SUFFIXES:
        return False
    with _readable(path), Image.open(path, formats=("JPEG",)) as image:
        return bool(image.getexif().get(EXIF_ORIENTATION, 1) != 1)


def read_image(path: Path) -> Pixels:
    """Read an image in its own number type, shape (H, W) or (H, W, 3).

    Transparency is dropped, a palette is resolved, and TIFFs whose zero is white are
    inverted. Of a TIFF the single full-size page is read; its reduced copies are ignored.

    Raises
    ------
    BadData
        When the file is missing, damaged, holds several pages or is no such image.
    """
    return read_measured_image(path)[0]


def read_measured_image(path: Path) -> tuple[Pixels, float | None]:
    """Read an image as `read_image` does, and the side of a pixel in nanometres with it.

    The latter is None where the file does not state it.

    Raises
    ------
    BadData
        As `read_image` does; never because of the pixel size.
    """
    with _readable(path):
        if path.suffix.lower() not in TIFF_SUFFIXES:
            return _native(_read_picture(path)), None
        with tifffile.TiffFile(path) as tiff:
            page = _only_page(path, tiff)
            return _native(_read_page(path, page)), nm_per_pixel(tiff, page)


def _native(image: Pixels) -> Pixels:
    return np.ascontiguousarray(image, dtype=image.dtype.newbyteorder("="))


def _only_page(path: Path, tiff: tifffile.TiffFile) -> tifffile.TiffPage:
    pages = [p for p in tiff.pages if isinstance(p, tifffile.TiffPage) and not p.is_reduced]
    if not pages:
        raise BadData(
            path, "cannot be read as an image (it has no page)", "Replace the file or leave it out"
        )
    if len(pages) != 1:
        raise BadData(
            path, f"holds {len(pages)} pages instead of one image", "Save each page as its own file"
        )
    return pages[0]


def _read_page(path: Path, page: tifffile.TiffPage) -> Pixels:
    # A file that was cut off may decode all the same, to an image that is black in parts.
    ends = np.add(page.dataoffsets, page.databytecounts)
    if not len(ends) or ends.max() > path.stat().st_size:
        raise BadData(path, "is cut off", "Replace the file or leave it out")
    image: Pixels = page.asarray()
    photometric = page.photometric
    if photometric == tifffile.PHOTOMETRIC.PALETTE and page.colormap is not None:
        colours: Pixels = np.moveaxis(page.colormap, 0, -1)[image] >> 8
        return colours.astype(np.uint8)
    if photometric == tifffile.PHOTOMETRIC.SEPARATED:
        raise BadData(path, "has CMYK colours", "Save it in gray or RGB")
    if page.axes.startswith("S"):
        image = np.moveaxis(image, 0, -1)
    if image.dtype == np.bool_:
        image = image.astype(np.uint8) * np.uint8(255)
    if photometric == tifffile.PHOTOMETRIC.MINISWHITE and image.dtype.kind == "u":
        image = np.iinfo(image.dtype).max - image
    return _gray_or_rgb(path, image)


def _gray_or_rgb(path: Path, image: Pixels) -> Pixels:
    samples = image.shape[2] if image.ndim == 3 else 1
    if image.ndim not in (2, 3) or samples > 4 or image.dtype.kind not in "uif":
        raise BadData(
            path,
            f"has shape {image.shape} and type {image.dtype}, neither gray nor RGB",
            "Save it as a gray or RGB image",
        )
    if image.ndim == 2:
        return image
    return image[:, :, 0] if samples < 3 else image[:, :, :3]


def _read_picture(path: Path) -> Pixels:
    with Image.open(path, formats=("PNG", "JPEG")) as image:
        if image.format == "PNG" and _png_bit_depth(path) == 16:
            return _gray_or_rgb(path, np.asarray(imagecodecs.png_decode(read_bytes(path))))
        if image.mode in ("1", "LA", "La"):
            return np.asarray(image.convert("L"))
        if image.mode in ("L", "RGB"):
            return np.asarray(image)
        return np.asarray(image.convert("RGB"))


def _png_bit_depth(path: Path) -> int:
    """The ninth byte of the header's data: Pillow would cut 16-bit colour down to 8."""
    with path.open("rb") as stream:
        return stream.read(25)[24]


def normalise(image: Pixels) -> NDArray[np.uint8]:
    """The 8-bit view of an image that detectors and thumbnails get; its shape is kept.

    8-bit images pass unchanged. Of others the percentiles `LOW` and `HIGH` of the finite
    pixels, over all channels, become 0 and 255. Where they coincide (few bright pixels on an
    even background) the extremes are used; an image of one value becomes zeros. NaN becomes 0.
    """
    if image.dtype == np.uint8:
        return image
    bottom, top = _limits(image)
    if not bottom < top:
        return np.zeros(image.shape, np.uint8)
    work = np.float32 if image.dtype.itemsize <= 2 else np.float64
    scaled: Pixels = image.astype(work)
    # halves keep the difference of the largest floats finite
    scaled = (scaled / 2 - work(bottom / 2)) / work(top / 2 - bottom / 2)
    np.nan_to_num(scaled, copy=False, nan=0.0, posinf=1.0, neginf=0.0)
    np.clip(scaled, 0, 1, out=scaled)
    return np.rint(scaled * 255).astype(np.uint8)


def _limits(image: Pixels) -> tuple[float, float]:
    # The percentiles of every n-th pixel are as good, and a slide has a hundred million of them.
    step = int(np.ceil(np.sqrt(max(1.0, image.shape[0] * image.shape[1] / MOST_SAMPLES))))
    sample = image[::step, ::step].astype(np.float64, copy=False)
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return 0.0, 0.0
    bottom, top = np.percentile(sample, (LOW, HIGH))
    if bottom == top:
        finite = image[np.isfinite(image)]
        bottom, top = finite.min(), finite.max()
    return float(bottom), float(top)


def write_tiff(path: Path, image: Pixels, pixel_size_nm: float | None = None) -> None:
    """Write an 8- or 16-bit or float image as a TIFF of one page, wholly or not at all.

    The size of a pixel becomes the TIFF's resolution.

    Raises
    ------
    BadData
        When the file cannot be written; an older one is unharmed.
    """
    per_centimetre = None if pixel_size_nm is None else 1e7 / pixel_size_nm
    encoded = io.BytesIO()
    tifffile.imwrite(
        encoded,
        image,
        compression="zlib",
        photometric="rgb" if image.ndim == 3 else "minisblack",
        metadata=None,
        resolution=None if per_centimetre is None else (per_centimetre, per_centimetre),
        resolutionunit=None if per_centimetre is None else "CENTIMETER",
    )
    with atomic_write(path) as stream:
        stream.write(encoded.getbuffer())


def pixel_size_nm(path: Path) -> float | None:
    """Side of a pixel in nanometres, as `nm_per_pixel` reads it; ``None`` if not stated.

    Raises
    ------
    BadData
        When a TIFF cannot be read.
    """
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return None
    with _readable(path), tifffile.TiffFile(path) as tiff:
        return nm_per_pixel(tiff, _only_page(path, tiff))


def checksum(path: Path) -> str:
    """BLAKE2b of the file's bytes, in hexadecimal.

    Raises
    ------
    BadData
        When the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "blake2b").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error

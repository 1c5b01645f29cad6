"""How many nanometres a pixel is, after what microscopes and programs write into a TIFF.

Every kind is asked in turn; the first that states a size decides. What is not there or cannot be
understood raises one of `NOT_UNDERSTOOD` and counts as not stated: a scale bar is a help, and its
lack must never keep an image closed.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from xml.etree import ElementTree

import tifffile

Sides = tuple[float, float] | None
"""Width and height of a pixel in nanometres; None where nothing is stated."""

MOST_DIFFERENCE = 0.01
"""Sides that differ by more than this share make no square."""

LARGEST_RESOLUTION_NM = 5_000.0
"""A plain resolution tag must be finer: 4,800 dpi, the finest of scanners, is 5.3 µm."""

_UNDERSTOOD_NM = (1e-3, 1e6)
"""Smaller or larger pixels come from damaged metadata."""

_NM_PER_UNIT = {
    "pm": 1e-3,
    "å": 0.1,
    "angstrom": 0.1,
    "nm": 1.0,
    "nanometer": 1.0,
    "nanometre": 1.0,
    "um": 1e3,
    "μm": 1e3,
    "\\u00b5m": 1e3,
    "micron": 1e3,
    "microns": 1e3,
    "micrometer": 1e3,
    "micrometre": 1e3,
    "mm": 1e6,
    "cm": 1e7,
    "m": 1e9,
}
"""By the unit's folded case, which makes the Greek letter of the sign for micro."""

_NM_PER_RESOLUTION_UNIT = {tifffile.RESUNIT.INCH: 2.54e7, tifffile.RESUNIT.CENTIMETER: 1e7}

NOT_UNDERSTOOD = (
    OSError,
    ValueError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    SyntaxError,  # of broken XML
    struct.error,
)


def nm_per_pixel(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> float | None:
    """Side of a pixel in nanometres, or None where the file does not state it.

    Understood are OME, FEI and Thermo Fisher, Zeiss, Olympus SIS, TVIPS, Gatan
    DigitalMicrograph, ImageJ, and the resolution tags where they are no print resolution.
    Nothing is raised, whatever the file says.

    Where width and height differ by more than 1 % there is no single size, and None is
    returned: a scale bar would be wrong in one direction. `page` is the full-size one.
    """
    for kind in _KINDS:
        with suppress(*NOT_UNDERSTOOD):
            sides = kind(tiff, page)
            if sides is not None and all(_is_understood(side) for side in sides):
                width, height = sides
                return width if math.isclose(width, height, rel_tol=MOST_DIFFERENCE) else None
    return None


def _is_understood(nanometres: float) -> bool:
    smallest, largest = _UNDERSTOOD_NM
    return smallest <= nanometres <= largest


def _in_nm(value: Any, unit: Any) -> float:
    """Raises where the unit is none of length."""
    return float(value) * _NM_PER_UNIT[str(unit).strip().casefold()]


def _ome(tiff: tifffile.TiffFile, _page: tifffile.TiffPage) -> Sides:
    # OME needs no document type; entities that expand to gigabytes are declared there.
    if tiff.ome_metadata is None or "<!DOCTYPE" in tiff.ome_metadata:
        return None
    for element in ElementTree.fromstring(tiff.ome_metadata).iter():  # noqa: S314
        if element.tag.rpartition("}")[2] == "Pixels":
            width = _ome_side(element.attrib, "X", element.attrib["PhysicalSizeX"])
            height = element.attrib.get("PhysicalSizeY")
            return width, width if height is None else _ome_side(element.attrib, "Y", height)
    return None


def _ome_side(attributes: Mapping[str, str], axis: str, value: str) -> float:
    return _in_nm(value, attributes.get(f"PhysicalSize{axis}Unit", "µm"))


def _fei(tiff: tifffile.TiffFile, _page: tifffile.TiffPage) -> Sides:
    metadata = tiff.fei_metadata or {}
    for section in ("Scan", "EScan", "IScan"):
        found = metadata.get(section, {})
        if "PixelWidth" in found:
            return _in_nm(found["PixelWidth"], "m"), _in_nm(found["PixelHeight"], "m")
    return None


def _zeiss(tiff: tifffile.TiffFile, _page: tifffile.TiffPage) -> Sides:
    metadata = tiff.sem_metadata or {}
    for key in ("ap_image_pixel_size", "ap_pixel_size"):
        if key in metadata:
            _name, value, unit = metadata[key]
            side = _in_nm(value, unit)
            return side, side
    return None


def _olympus(tiff: tifffile.TiffFile, _page: tifffile.TiffPage) -> Sides:
    metadata = tiff.sis_metadata or {}
    return _in_nm(metadata["pixelsizex"], "m"), _in_nm(metadata["pixelsizey"], "m")


def _tvips(tiff: tifffile.TiffFile, _page: tifffile.TiffPage) -> Sides:
    metadata = tiff.tvips_metadata or {}
    return _in_nm(metadata["PixelSizeX"], "nm"), _in_nm(metadata["PixelSizeY"], "nm")


def _digital_micrograph(_tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> Sides:
    """Gatan's private tags: units of x and y in 65003 and 65004, sizes in 65009 and 65010."""
    tags = {code: page.tags[code].value for code in (65003, 65004, 65009, 65010)}
    return _in_nm(tags[65009], tags[65003]), _in_nm(tags[65010], tags[65004])


def _imagej(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> Sides:
    """ImageJ names its unit in the description and leaves the tag for it empty."""
    metadata = tiff.imagej_metadata or {}
    return _sides(page, _in_nm(1, metadata["unit"]))


def _resolution(_tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> Sides:
    unit = tifffile.RESUNIT(page.tags["ResolutionUnit"].value)
    width, height = _sides(page, _NM_PER_RESOLUTION_UNIT[unit])
    # Larger ones are print resolutions, such as 72 dots an inch, that say nothing of the object.
    return (width, height) if max(width, height) <= LARGEST_RESOLUTION_NM else None


def _sides(page: tifffile.TiffPage, nm_per_unit: float) -> tuple[float, float]:
    across = _quotient(page.tags["XResolution"].value)
    down = _quotient(page.tags["YResolution"].value) if "YResolution" in page.tags else across
    return nm_per_unit / across, nm_per_unit / down


def _quotient(value: tuple[int, int]) -> float:
    above, below = value
    return above / below


_KINDS: tuple[Callable[[tifffile.TiffFile, tifffile.TiffPage], Sides], ...] = (
    _ome,
    _fei,
    _zeiss,
    _olympus,
    _tvips,
    _digital_micrograph,
    _imagej,
    _resolution,
)

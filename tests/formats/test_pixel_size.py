"""Real TIFFs that carry the size of a pixel in each of the ways that are understood."""

import io
import struct

import numpy as np
import pytest
import tifffile
from hypothesis import example, given
from hypothesis import strategies as st

from napari_alc.formats.images import pixel_size_nm, read_image, read_measured_image, write_tiff
from napari_alc.formats.pixel_size import nm_per_pixel

GRAY = np.arange(64, dtype=np.uint16).reshape(8, 8)
GATAN_UNITS, GATAN_SIZES = (65003, 65004), (65009, 65010)
ZEISS, FEI_SFEG, FEI_HELIOS, OLYMPUS, TVIPS = 34118, 34680, 34682, 33560, 37706


def stated(**options):
    """The size read from a TIFF written with these options."""
    stream = io.BytesIO()
    tifffile.imwrite(stream, GRAY, **options)
    return size_of(stream)


def size_of(stream):
    stream.seek(0)
    with tifffile.TiffFile(stream) as tiff:
        return nm_per_pixel(tiff, tiff.pages[0])


def tagged(*tags):
    return stated(metadata=None, extratags=[(*tag, True) for tag in tags])


def ome(**size):
    return stated(ome=True, metadata={"axes": "YX", **size})


@pytest.mark.parametrize(
    ("value", "unit", "nanometres"),
    [(0.52, "nm", 0.52), (0.25, "µm", 250), (3, "Å", 0.3), (40, "pm", 0.04), (1e-4, "mm", 100)],
)
def test_ome_states_a_size_with_its_unit(value, unit, nanometres):
    size = ome(
        PhysicalSizeX=value, PhysicalSizeXUnit=unit, PhysicalSizeY=value, PhysicalSizeYUnit=unit
    )
    assert size == pytest.approx(nanometres)


def test_ome_means_micrometres_and_squares_unless_it_says_otherwise():
    assert ome(PhysicalSizeX=0.01) == pytest.approx(10)


def test_ome_that_declares_entities_is_not_read():
    size = '<OME><Pixels PhysicalSizeX="0.01"/></OME>'
    assert stated(description=size, metadata=None) == pytest.approx(10)
    declared = f'<!DOCTYPE OME [<!ENTITY a "{"a" * 10}">]>{size}'
    assert stated(description=declared, metadata=None) is None


def test_ome_sizes_in_pixels_are_no_sizes():
    assert ome(PhysicalSizeX=1.0, PhysicalSizeXUnit="pixel") is None


@pytest.mark.parametrize(
    ("unit", "nanometres"),
    [("nm", 0.5), ("um", 500), ("micron", 500), (r"\u00B5m", 500), ("mm", 500_000)],
)
def test_imagej_states_a_unit_and_pixels_in_it(unit, nanometres):
    assert stated(imagej=True, resolution=(2, 2), metadata={"unit": unit}) == nanometres


@pytest.mark.parametrize("unit", ["pixel", "inch", ""])
def test_imagej_without_a_length_states_nothing(unit):
    assert stated(imagej=True, resolution=(72, 72), metadata={"unit": unit}) is None


@pytest.mark.parametrize("dots", [72, 96, 150, 300, 600, 1200, 4800])
@pytest.mark.parametrize("unit", ["INCH", "CENTIMETER", "NONE"])
def test_print_resolutions_are_no_pixel_sizes(dots, unit):
    per_unit = dots / 2.54 if unit == "CENTIMETER" else dots
    assert stated(resolution=(per_unit, per_unit), resolutionunit=unit) is None


def test_resolutions_of_a_microscope_are_pixel_sizes():
    assert stated(resolution=(5e6, 5e6), resolutionunit="CENTIMETER") == pytest.approx(2)
    assert stated(resolution=(1e7, 1e7), resolutionunit="INCH") == pytest.approx(2.54)


@pytest.mark.parametrize("code", [FEI_SFEG, FEI_HELIOS])
@pytest.mark.parametrize("section", ["Scan", "EScan", "IScan"])
def test_fei_states_metres(code, section):
    text = f"[User]\nDate=1\n[{section}]\nPixelWidth=3.4e-9\nPixelHeight=3.4e-9\n"
    assert tagged((code, "s", 0, text)) == pytest.approx(3.4)


@pytest.mark.parametrize("key", ["AP_IMAGE_PIXEL_SIZE", "AP_PIXEL_SIZE"])
def test_zeiss_states_a_number_and_a_unit(key):
    text = f"\r\n0\r\nAP_MAG\r\nMag = 50 K X\r\n{key}\r\nPixel Size = 1.24 µm\r\n"
    assert tagged((ZEISS, "s", 0, text.encode("cp1252"))) == pytest.approx(1240)


def test_olympus_states_metres_in_a_structure():
    stream = io.BytesIO()
    tifffile.imwrite(stream, GRAY, metadata=None, extratags=[(OLYMPUS, "B", 68, bytes(68), True)])
    stream.seek(0)
    with tifffile.TiffFile(stream) as tiff:
        place = tiff.pages[0].tags[OLYMPUS].valueoffset
    end = stream.seek(0, io.SEEK_END)
    stream.write(struct.pack("<10xhdd8xd2x34s32s", -9, 0.8, 0.8, 1e4, b"camera", b"picture"))
    stream.write(bytes(4))
    stream.seek(place)
    stream.write(struct.pack("<4s6xhhhhh6x32sH", b"SIS0", 0, 0, 1, 0, 100, b"image", 1))
    stream.write(struct.pack("<hhI", 1, 1, end))
    assert size_of(stream) == pytest.approx(0.8)


def test_tvips_states_nanometres():
    header = np.zeros((), tifffile.TIFF.TVIPS_HEADER_V1)
    more = np.zeros((), tifffile.TIFF.TVIPS_HEADER_V2)
    header["Version"], more["Magic"] = 2, 0xAAAAAAAA
    more["PixelSizeX"] = more["PixelSizeY"] = 1.5
    content = header.tobytes() + more.tobytes()
    assert tagged((TVIPS, "B", len(content), content)) == pytest.approx(1.5)


def test_digital_micrograph_states_sizes_and_units_in_tags_of_its_own():
    units = [(code, "s", 0, "µm".encode("cp1252")) for code in GATAN_UNITS]
    sizes = [(code, "d", 1, 0.0021) for code in GATAN_SIZES]
    assert tagged(*units, *sizes) == pytest.approx(2.1)
    diffraction = [(code, "s", 0, "1/nm") for code in GATAN_UNITS]
    assert tagged(*diffraction, *sizes) is None


def test_what_a_microscope_says_goes_before_the_resolution():
    text = "[Scan]\nPixelWidth=3e-9\nPixelHeight=3e-9\n"
    size = stated(
        metadata=None,
        resolution=(1e7, 1e7),
        resolutionunit="CENTIMETER",
        extratags=[(FEI_HELIOS, "s", 0, text, True)],
    )
    assert size == pytest.approx(3)


def test_pixels_that_are_no_squares_have_no_size():
    assert ome(PhysicalSizeX=1.0, PhysicalSizeY=1.02) is None
    assert ome(PhysicalSizeX=1.0, PhysicalSizeY=1.005) == pytest.approx(1000)
    assert stated(resolution=(1e7, 2e7), resolutionunit="CENTIMETER") is None


@pytest.mark.parametrize("size", ["0", "-1e-9", "nan", "inf", "1e9", "1e-30", "", "wide"])
def test_impossible_sizes_count_as_not_stated(size):
    text = f"[Scan]\nPixelWidth={size}\nPixelHeight={size}\n"
    assert tagged((FEI_HELIOS, "s", 0, text)) is None


@example("MM")
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200))
def test_no_description_can_break_reading(text):
    for start in ("", "ImageJ=1.54f\nunit=", '<?xml version="1.0"?><OME>'):
        size = stated(metadata=None, description=start + text)
        assert size is None or 1e-3 <= size <= 1e6


@given(
    st.sampled_from([ZEISS, FEI_SFEG, FEI_HELIOS, OLYMPUS, TVIPS, 33471, *GATAN_UNITS]),
    st.binary(min_size=1, max_size=200),
)
def test_no_damaged_tag_can_break_reading(code, content):
    assert tagged((code, "B", len(content), content)) is None


def test_the_size_is_read_together_with_the_pixels(tmp_path):
    write_tiff(tmp_path / "a.tif", GRAY, pixel_size_nm=2.5)
    pixels, size = read_measured_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(pixels, read_image(tmp_path / "a.tif"))
    assert size == pytest.approx(2.5)
    assert pixel_size_nm(tmp_path / "a.tif") == size

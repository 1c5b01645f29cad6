import io

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from napari_alc.errors import BadData
from napari_alc.formats.images import (
    checksum,
    find_images,
    image_size,
    is_turned,
    normalise,
    pixel_size_nm,
    read_image,
    write_tiff,
)

RANDOM = np.random.default_rng(0)
GRAY = RANDOM.integers(0, 256, (12, 17), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (12, 17, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(12, 17), (12, 17, 3)])
def test_tiffs_come_back_as_written(tmp_path, kind, shape):
    image = (RANDOM.random(shape) * 200).astype(kind)
    write_tiff(tmp_path / "a.tif", image)
    back = read_image(tmp_path / "a.tif")
    assert back.dtype == kind
    np.testing.assert_array_equal(back, image)
    assert image_size(tmp_path / "a.tif") == (17, 12)


@pytest.mark.parametrize(
    ("image", "options"),
    [
        (GRAY.astype(np.uint16) * 200, {"byteorder": ">"}),
        (GRAY.astype(np.float32), {"byteorder": ">"}),
        (GRAY.astype(np.int16) - 99, {}),
        (GRAY, {"tile": (16, 16), "compression": "lzw"}),
        (GRAY, {"compression": "zstd"}),
        (GRAY, {"compression": None}),
        (COLOUR, {"planarconfig": "separate", "photometric": "rgb"}),
    ],
)
def test_other_kinds_of_tiff_are_read_in_their_own_type(tmp_path, image, options):
    stored = np.moveaxis(image, 2, 0) if "planarconfig" in options else image
    tifffile.imwrite(tmp_path / "a.tif", stored, **options)
    back = read_image(tmp_path / "a.tif")
    assert back.dtype == image.dtype
    assert back.dtype.isnative
    np.testing.assert_array_equal(back, image)
    assert image_size(tmp_path / "a.tif") == (17, 12)


def test_alpha_palette_bilevel_and_white_zero_are_resolved(tmp_path):
    alpha = np.dstack([COLOUR, GRAY])
    tifffile.imwrite(tmp_path / "rgba.tif", alpha, photometric="rgb", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(read_image(tmp_path / "rgba.tif"), COLOUR)
    tifffile.imwrite(tmp_path / "white.tif", GRAY, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(tmp_path / "white.tif"), 255 - GRAY)
    table = RANDOM.integers(0, 256, (3, 256), dtype=np.uint16) * 257
    tifffile.imwrite(tmp_path / "palette.tif", GRAY, photometric="palette", colormap=table)
    np.testing.assert_array_equal(read_image(tmp_path / "palette.tif"), (table.T >> 8)[GRAY])
    Image.fromarray(GRAY > 127).save(tmp_path / "bits.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "bits.tif"), (GRAY > 127) * 255)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.fromarray(GRAY), GRAY),
        (Image.fromarray(COLOUR), COLOUR),
        (Image.fromarray(np.dstack([COLOUR, GRAY])), COLOUR),
        (Image.merge("LA", [Image.fromarray(GRAY)] * 2), GRAY),
        (Image.fromarray(GRAY > 127), (GRAY > 127) * 255),
        (Image.fromarray(GRAY.astype(np.uint16) * 257), GRAY.astype(np.uint16) * 257),
        (
            Image.fromarray(COLOUR).quantize(9),
            np.asarray(Image.fromarray(COLOUR).quantize(9).convert("RGB")),
        ),
    ],
)
def test_pngs_are_read_without_transparency(tmp_path, image, expected):
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), expected)
    assert image_size(tmp_path / "a.png") == (17, 12)


def test_16_bit_colour_pngs_keep_their_depth(tmp_path):
    image = RANDOM.integers(0, 65536, (12, 17, 3), dtype=np.uint16)
    (tmp_path / "a.PNG").write_bytes(imagecodecs.png_encode(image))
    np.testing.assert_array_equal(read_image(tmp_path / "a.PNG"), image)


@pytest.mark.parametrize("pixels", [GRAY, COLOUR])
def test_jpegs_are_read_as_stored_whatever_their_orientation(tmp_path, pixels):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif)
    assert read_image(tmp_path / "a.jpg").shape == pixels.shape
    assert image_size(tmp_path / "a.jpg") == (17, 12)
    assert is_turned(tmp_path / "a.jpg")


def test_images_that_are_stored_upright_are_not_turned(tmp_path):
    upright = Image.Exif()
    upright[0x0112] = 1
    Image.fromarray(GRAY).save(tmp_path / "a.jpg", exif=upright)
    Image.fromarray(GRAY).save(tmp_path / "b.jpg")
    Image.fromarray(GRAY).save(tmp_path / "c.png")
    assert not any(is_turned(tmp_path / name) for name in ("a.jpg", "b.jpg", "c.png"))


def test_a_stack_is_refused_but_a_thumbnail_page_is_not(tmp_path):
    tifffile.imwrite(
        tmp_path / "stack.tif", np.zeros((4, 9, 9), np.uint8), photometric="minisblack"
    )
    for function in (read_image, image_size):
        with pytest.raises(BadData, match="4 pages"):
            function(tmp_path / "stack.tif")
    with tifffile.TiffWriter(tmp_path / "thumb.tif") as tiff:
        tiff.write(GRAY)
        tiff.write(GRAY[::2, ::2], subfiletype=1)
    np.testing.assert_array_equal(read_image(tmp_path / "thumb.tif"), GRAY)


def encoded(name):
    buffer = io.BytesIO()
    if name.endswith("tif"):
        tifffile.imwrite(buffer, GRAY, compression=None if name == "raw.tif" else "zlib")
    else:
        Image.fromarray(GRAY).save(buffer, "PNG" if name.endswith("png") else "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["raw.tif", "zlib.tif", "a.png", "a.jpg"])
@pytest.mark.parametrize("share", [0, 0.05, 0.5, 0.9])
def test_truncated_images_are_refused_in_one_line(tmp_path, name, share):
    content = encoded(name)
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BadData) as caught:
        read_image(tmp_path / name)
    assert caught.value.where == tmp_path / name
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg"])
def test_what_is_no_image_is_refused(tmp_path, name):
    with pytest.raises(BadData, match="no such image"):
        read_image(tmp_path / name)
    (tmp_path / name).write_bytes(b"these are words, not pixels")
    for function in (read_image, image_size):
        with pytest.raises(BadData, match="cannot be read as an image"):
            function(tmp_path / name)


@pytest.mark.parametrize("image", [np.zeros((9, 9), np.complex64), np.zeros((9, 9, 7), np.uint8)])
def test_tiffs_that_are_neither_gray_nor_colour_are_refused(tmp_path, image):
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="minisblack", planarconfig="contig")
    with pytest.raises(BadData):
        read_image(tmp_path / "a.tif")


def test_images_are_found_sorted_in_subfolders_without_hidden_ones(tmp_path):
    for name in ("b.TIF", "a/z.png", "a.jpeg", ".hidden/x.png", "._a.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert found == ["a.jpeg", "a/z.png", "b.TIF"]


def test_a_folder_without_images_and_a_missing_one_are_refused(tmp_path):
    with pytest.raises(BadData, match="no images"):
        find_images(tmp_path)
    with pytest.raises(BadData, match="not a folder"):
        find_images(tmp_path / "none")


def test_8_bit_images_pass_unchanged():
    assert normalise(COLOUR) is COLOUR


def test_the_outermost_half_percents_become_black_and_white():
    image = np.arange(1001, dtype=np.uint16).reshape(7, 143) * 60
    view = normalise(image)
    assert (view[image <= 300] == 0).all()
    assert (view[image >= 59700] == 255).all()
    assert 0 < view.ravel()[10] < 5 < 250 < view.ravel()[990] < 255
    assert view.ravel()[500] in (127, 128)


def test_colour_channels_share_one_scale():
    image = np.zeros((10, 10, 3), np.uint16)
    image[:5, :, 0], image[:5, :, 1] = 40000, 20000
    view = normalise(image)
    assert view.shape == image.shape
    assert view[0, 0].tolist() == [255, 128, 0]


def test_a_few_bright_pixels_on_an_even_background_are_seen():
    image = np.full((100, 100), 7, np.uint16)
    image[50, 50] = 900
    assert normalise(image)[50, 50] == 255
    assert np.count_nonzero(normalise(image)) == 1


@pytest.mark.parametrize("value", [0.0, 3.0, np.nan, np.inf])
def test_an_image_of_one_value_becomes_zeros(value):
    assert not normalise(np.full((5, 4), value, np.float32)).any()


def test_pixels_that_are_not_finite_do_not_spoil_the_others():
    image = np.linspace(0, 1, 10_000).reshape(100, 100)
    clean = normalise(image)
    image[0, :3] = np.nan, np.inf, -np.inf
    view = normalise(image)
    assert view[0, :3].tolist() == [0, 255, 0]
    assert np.abs(view[1:].astype(int) - clean[1:]).max() <= 1


def test_large_images_are_sampled_closely_enough():
    image = RANDOM.normal(1000, 100, (1500, 1500))
    view = normalise(image)
    exact = np.percentile(image, (0.5, 99.5))
    expected = np.clip((image - exact[0]) / (exact[1] - exact[0]), 0, 1) * 255
    assert np.abs(view - expected).max() < 3


REAL = st.sampled_from([np.uint16, np.int16, np.int32, np.float32, np.float64])


@given(REAL.flatmap(lambda kind: arrays.arrays(kind, (5, 6))))
def test_normalising_never_fails_and_keeps_the_order_of_pixels(image):
    view = normalise(image)
    assert view.dtype == np.uint8
    assert view.shape == image.shape
    finite = np.isfinite(image)
    ordered = view[finite][np.argsort(image[finite], kind="stable")]
    assert (np.diff(ordered.astype(int)) >= 0).all()


@pytest.mark.parametrize("size", [0.05, 0.372, 12.5, 650.0])
def test_pixel_sizes_come_back(tmp_path, size):
    write_tiff(tmp_path / "a.tif", GRAY, pixel_size_nm=size)
    assert pixel_size_nm(tmp_path / "a.tif") == pytest.approx(size, rel=1e-5)


def test_pixel_sizes_of_imagej_are_understood_and_print_resolutions_are_not(tmp_path):
    tifffile.imwrite(
        tmp_path / "ij.tif", GRAY, imagej=True, resolution=(2, 2), metadata={"unit": "nm"}
    )
    assert pixel_size_nm(tmp_path / "ij.tif") == 0.5
    tifffile.imwrite(
        tmp_path / "um.tif", GRAY, imagej=True, resolution=(4, 4), metadata={"unit": "um"}
    )
    assert pixel_size_nm(tmp_path / "um.tif") == 250
    tifffile.imwrite(tmp_path / "dpi.tif", GRAY, resolution=(300, 300), resolutionunit="INCH")
    assert pixel_size_nm(tmp_path / "dpi.tif") is None
    write_tiff(tmp_path / "none.tif", GRAY)
    assert pixel_size_nm(tmp_path / "none.tif") is None
    assert pixel_size_nm(tmp_path / "a.png") is None


def test_checksums_tell_files_apart(tmp_path):
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).write_bytes(content)
    first, same, other = (checksum(tmp_path / name) for name in "abc")
    assert first == same != other
    with pytest.raises(BadData, match="cannot be read"):
        checksum(tmp_path / "none")


def test_a_tiff_that_cannot_be_written_leaves_the_old_one_whole(tmp_path):
    write_tiff(tmp_path / "a.tif", GRAY)
    before = (tmp_path / "a.tif").read_bytes()
    with pytest.raises(KeyError):
        write_tiff(tmp_path / "a.tif", np.array([["text"]]))
    assert (tmp_path / "a.tif").read_bytes() == before

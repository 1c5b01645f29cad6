from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from queue import Queue
from threading import Event

import numpy as np
import pytest

from napari_alc.formats.images import write_tiff
from napari_alc.plugin.review import image_loader
from napari_alc.plugin.review.image_loader import KEPT, ReadAhead, ReadImage, Unreadable, load
from patience import PATIENCE


class Waiting(ReadAhead):
    """A reader whose window does nothing but wait for it."""

    def __init__(self) -> None:
        self.calls: Queue[Callable[[], None]] = Queue()
        super().__init__(self.calls.put)
        self.heard: list[Path] = []
        self.ready.connect(self.heard.append)

    def wait(self) -> Path:
        """The next image that is ready."""
        self.calls.get(timeout=PATIENCE)()
        return self.heard[-1]


@pytest.fixture
def reader():
    reader = Waiting()
    yield reader
    reader.close()


def write(path, value=7):
    write_tiff(path, np.full((16, 16), value, dtype=np.uint16))
    return path


def test_an_image_is_read_beside_the_window(reader, tmp_path):
    path = write(tmp_path / "a.tif")
    reader.ask(path)
    assert reader.wait() == path
    assert (reader.take(path).pixels == 7).all()


def test_what_nobody_asked_for_is_not_there(reader, tmp_path):
    assert reader.take(tmp_path / "a.tif") is None


def test_only_the_last_few_images_are_kept(reader, tmp_path):
    paths = [write(tmp_path / f"{i}.tif", i) for i in range(KEPT + 1)]
    for path in paths:
        reader.ask(path)
        reader.wait()
    assert reader.take(paths[0]) is None
    assert all(isinstance(reader.take(path), ReadImage) for path in paths[1:])
    reader.forget()
    assert reader.take(paths[-1]) is None


@pytest.fixture
def slow(monkeypatch):
    """Images named "slow" are read once the event is set; tells what has been read."""
    go_on, begun, names = Event(), Event(), []

    def load_slowly(path):
        if path.stem == "slow":
            begun.set()
            assert go_on.wait(PATIENCE)
        names.append(path.stem)
        return load(path)

    monkeypatch.setattr(image_loader, "load", load_slowly)
    yield go_on, begun, names
    go_on.set()


def test_a_wanted_image_waits_for_none_that_is_only_read_ahead(reader, tmp_path, slow):
    ahead, wanted = write(tmp_path / "slow.tif"), write(tmp_path / "wanted.tif")
    reader.ask_ahead(ahead)
    reader.ask(wanted)
    assert reader.wait() == wanted
    assert reader.take(ahead) is None
    slow[0].set()
    reader.wait()
    assert isinstance(reader.take(ahead), ReadImage)


@pytest.mark.usefixtures("slow")
def test_a_wanted_image_still_waiting_to_be_read_ahead_is_read_at_once(reader, tmp_path):
    reader.ask_ahead(write(tmp_path / "slow.tif"))
    wanted = write(tmp_path / "wanted.tif")
    reader.ask_ahead(wanted)
    reader.ask(wanted)
    assert reader.wait() == wanted


def test_of_several_images_clicked_quickly_only_the_last_is_read_next(reader, tmp_path, slow):
    go_on, begun, names = slow
    reader.ask(write(tmp_path / "slow.tif"))
    assert begun.wait(PATIENCE)
    reader.ask(write(tmp_path / "between.tif"))
    last = write(tmp_path / "last.tif")
    reader.ask(last)
    go_on.set()
    reader.wait()
    reader.wait()
    assert names == ["slow", "last"]
    assert isinstance(reader.take(last), ReadImage)


def test_the_images_before_and_after_stay_beside_the_one_shown(reader, tmp_path):
    shown, after, before = (write(tmp_path / f"{name}.tif") for name in "abc")
    reader.ask(shown)
    reader.ask_ahead(after)
    reader.ask_ahead(before)
    for _ in range(3):
        reader.wait()
    reader.ask(after)
    for path in (shown, after, before):
        assert isinstance(reader.take(path), ReadImage)


def test_the_size_of_a_pixel_is_read_with_the_image(tmp_path):
    write_tiff(tmp_path / "a.tif", np.zeros((16, 16), np.uint8), pixel_size_nm=0.8)
    assert load(tmp_path / "a.tif").nm_per_pixel == pytest.approx(0.8)
    write(tmp_path / "b.tif")
    assert load(tmp_path / "b.tif").nm_per_pixel is None


def test_a_failure_is_told_in_words_and_tried_again(reader, tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"nothing")
    reader.ask(path)
    reader.wait()
    failure = reader.take(path)
    assert isinstance(failure, Unreadable)
    assert "a.tif" in failure.reason
    write(path)
    reader.ask(path)
    reader.wait()
    assert isinstance(reader.take(path), ReadImage)


def test_contrast_leaves_out_the_extremes(tmp_path):
    pixels = np.tile(np.arange(1000, 2024, dtype=np.uint16), (512, 1))
    pixels[:8, :8] = 65_535
    write_tiff(tmp_path / "a.tif", pixels)
    image = load(tmp_path / "a.tif")
    assert image.full == (1000, 65_535)
    low, high = image.stretched
    assert 1000 <= low < 1020
    assert 2000 < high <= 2024


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_an_even_or_empty_image_has_limits_too(tmp_path, value):
    write_tiff(tmp_path / "a.tif", np.full((16, 16), value, dtype=np.float32))
    image = load(tmp_path / "a.tif")
    for low, high in (image.stretched, image.full):
        assert low < high

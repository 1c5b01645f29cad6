from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
import tifffile
from hand_made import A, make, see

from napari_alc.errors import BadData
from napari_alc.formats.images import write_tiff
from napari_alc.project.project import Project
from napari_alc.project.steps.predict import predict_images
from napari_alc.project.steps.train import train
from napari_alc.project.storage import image_files
from tiny_projects import make_project


def age(path, seconds=100):
    """Let a file look as if it had not been changed for some time."""
    then = path.stat().st_mtime_ns - seconds * 10**9
    os.utime(path, ns=(then, then))


@pytest.fixture
def project(tmp_path):
    made = make(tmp_path, {1: [A]})
    for path in (tmp_path / "images").iterdir():
        age(path)
    return made


@pytest.fixture
def read(monkeypatch):
    """The names of the files of which a fingerprint was made, in order."""
    names = []
    original = image_files.fingerprint

    def noted(path):
        names.append(path.name)
        return original(path)

    monkeypatch.setattr(image_files, "fingerprint", noted)
    return names


def replace(path):
    """Put another image of the same size in the place of one."""
    pixels = np.random.default_rng(5).integers(0, 255, (100, 100), dtype=np.uint8)
    tifffile.imwrite(path, pixels)


def look(project, number=1):
    return project.path_of(project.image(number))


@pytest.mark.parametrize("place", [0, image_files.FINGERPRINT_BYTES - 1, -1])
def test_a_change_at_either_end_of_a_large_file_is_noticed(tmp_path, place):
    path, content = tmp_path / "large.tif", bytearray(3 * image_files.FINGERPRINT_BYTES)
    path.write_bytes(content)
    before = image_files.fingerprint(path)
    content[place] = 1
    path.write_bytes(content)
    assert image_files.fingerprint(path) != before


def test_an_image_is_looked_at_once_and_not_by_every_process(project, read):
    for _ in range(2):
        again = Project.open(project.folder)
        for _ in range(2):
            look(again)
    assert read == ["image1.tif"]


def test_another_image_of_the_same_size_is_noticed(project, tmp_path):
    look(project)
    replace(tmp_path / "images" / "image1.tif")
    for opened in (project, Project.open(project.folder)):
        with pytest.raises(BadData, match=r"image1\.tif: is another image than .* Bring back"):
            look(opened)
        look(opened, 2)


def test_the_original_is_welcome_back(project, tmp_path):
    image = tmp_path / "images" / "image1.tif"
    shutil.copy2(image, tmp_path / "original.tif")
    replace(image)
    with pytest.raises(BadData, match="another image"):
        look(project)
    shutil.copy(tmp_path / "original.tif", image)
    assert look(project).is_file()


def test_a_copy_with_another_date_is_read_once_more(project, tmp_path, read):
    look(project)
    age(tmp_path / "images" / "image1.tif")
    for _ in range(3):
        look(Project.open(project.folder))
    assert len(read) == 2


def test_a_change_too_quick_for_the_clock_is_noticed(tmp_path):
    project = make(tmp_path, {1: [A]})
    image = tmp_path / "images" / "image1.tif"
    replace(tmp_path / "other.tif")
    tifffile.imwrite(image, np.zeros((100, 100), np.uint8))
    shutil.rmtree(project.folder)
    project = make(tmp_path, {1: [A]})
    state = image.stat()
    look(project)
    shutil.copy(tmp_path / "other.tif", image)
    os.utime(image, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert image.stat().st_size == state.st_size
    with pytest.raises(BadData, match="another image"):
        look(project)


def test_notes_that_are_lost_or_spoilt_are_made_again(project, read):
    look(project)
    notes = project.cache_folder / image_files.KNOWN_FILE
    whole = notes.read_bytes()
    for content in (whole[:-20], b"[1, 2]\n\xff\n", b""):
        notes.write_bytes(content)
        look(Project.open(project.folder))
    shutil.rmtree(project.cache_folder)
    look(Project.open(project.folder))
    assert len(read) == 5


def test_notes_of_another_project_are_not_believed(project, tmp_path, read):
    look(project)
    notes = (project.cache_folder / image_files.KNOWN_FILE).read_bytes()
    shutil.rmtree(project.folder)
    replace(tmp_path / "images" / "image1.tif")
    other = make(tmp_path, {1: [A]})
    other.cache_folder.mkdir()
    (other.cache_folder / image_files.KNOWN_FILE).write_bytes(notes)
    look(other)
    assert len(read) == 2


def test_a_folder_that_cannot_be_written_costs_time_only(project, read):
    project.cache_folder.write_text("a file where the folder should be")
    for _ in range(2):
        look(Project.open(project.folder))
    assert len(read) == 2


def test_training_says_which_image_was_replaced(tmp_path):
    project = make_project(tmp_path)
    write_tiff(tmp_path / "images" / "squares_2.tif", np.zeros((96, 96), np.uint8))
    with pytest.raises(BadData, match=r"squares_2\.tif: is another image"):
        train(project)


def test_prediction_says_which_image_was_replaced(project, tmp_path):
    see(project, 0, [], [])
    replace(tmp_path / "images" / "image3.tif")
    with pytest.raises(BadData, match=r"image3\.tif: is another image"):
        predict_images(project, 0, "mp", "other", project.images())

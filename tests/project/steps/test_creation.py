from __future__ import annotations

import errno
import shutil
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from hand_made import A, B, by_image, make, sources

from napari_alc.errors import AlcError, BadData, Cancelled
from napari_alc.formats.images import write_tiff
from napari_alc.labels import Category, ImageRecord
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.label_sets import pathologist_labels
from napari_alc.project.project import Project
from napari_alc.project.settings import MethodSettings
from napari_alc.project.status import Step, status
from napari_alc.project.steps import create
from napari_alc.project.steps.create import CreateOptions, create_project
from napari_alc.project.storage.records import ImageRole


def first_images(tmp_path, seed):
    base = tmp_path / str(seed)
    shutil.rmtree(base, ignore_errors=True)
    project = make(base, {1: [A]}, images=12, initial=4, seed=seed)
    return [task.image_id for task in queue(project)]


def options(**method):
    return CreateOptions(MethodSettings(**{"initial": 1, **method}))


def test_the_first_draw_depends_on_the_seed_alone(tmp_path):
    assert first_images(tmp_path, 1) == first_images(tmp_path, 1)
    assert first_images(tmp_path, 1) != first_images(tmp_path, 2)


def test_no_more_images_are_asked_for_than_there_are(tmp_path):
    project = make(tmp_path, {1: [A]}, images=3, initial=40, per_iteration=40)
    assert status(project).waiting == 3
    assert project.settings.method.per_iteration == 3


def test_images_may_lie_in_subfolders(tmp_path):
    given = sources(tmp_path, {1: [A]}, images=1)
    record = ImageRecord(1, "slide 7/über.tif", 64, 32)
    write_tiff(tmp_path / "images" / record.file_name, np.zeros((32, 64), np.uint8))
    crowd = replace(given.crowd, images=(record,))
    project = create_project(tmp_path / "p", replace(given, crowd=crowd))
    assert project.path_of(project.image(1)).samefile(tmp_path / "images" / record.file_name)


def test_validation_images_are_set_apart(tmp_path):
    given = sources(tmp_path, {1: [A], 2: [A], 3: [B]}, images=3)
    clean = given.crowd.of_images([2])
    project = create_project(tmp_path / "p", replace(given, clean=clean), options(initial=3))
    assert [image.id for image in project.images()] == [1, 3]
    assert [image.id for image in project.images(ImageRole.VALIDATION)] == [2]
    assert by_image(project.crowd_labels().labels) == {1: [A], 3: [B]}
    assert by_image(project.validation_labels().labels) == {2: [A]}
    assert {task.image_id for task in queue(project)} == {1, 3}


def test_labels_by_pathologists_can_be_the_first_reviewed_images(tmp_path):
    tiny = (5, 5, 6, 6.5)
    project = make(tmp_path, {1: [A, B], 2: [A]}, clean={1: [tiny, B], 3: []})
    assert status(project).next_step is Step.TRAIN
    assert {task.done_by for task in queue(project)} == {"imported"}
    clean = pathologist_labels(project, 0)
    assert by_image(clean.labels) == {1: [tiny, B]}
    assert [image.id for image in clean.images] == [1, 3]
    assert by_image(project.crowd_labels().labels) == {1: [A, B], 2: [A]}


def test_long_ids_keep_every_digit(tmp_path):
    given = sources(tmp_path, {1: [A]}, images=1)
    long = 2**60 + 1
    labels = replace(given.crowd.labels, image_ids=np.array([long]))
    crowd = replace(given.crowd, images=(replace(given.crowd.images[0], id=long),), labels=labels)
    project = create_project(tmp_path / "p", replace(given, crowd=crowd))
    assert project.crowd_labels().labels.image_ids.tolist() == [long]


def with_record(given, record):
    return replace(given, crowd=replace(given.crowd, images=(*given.crowd.images, record)))


def without_images(given):
    return replace(given, crowd=given.crowd.of_images([]))


REFUSED = {
    "lists the image 'image1.tif' twice": lambda g: with_record(
        g, ImageRecord(9, "image1.tif", 100, 100)
    ),
    "lists the category 'deposit' twice": lambda g: replace(
        g, crowd=replace(g.crowd, categories=(*g.crowd.categories, Category(2, "deposit")))
    ),
    "absent": lambda g: with_record(g, ImageRecord(9, "none.tif", 100, 100)),
    "is 100×100 pixels, its labels say 90×100": lambda g: replace(
        g, crowd=replace(g.crowd, images=(ImageRecord(1, "image1.tif", 90, 100),))
    ),
    "no image to clean": without_images,
    "set apart": lambda g: replace(g, clean=g.crowd),
    "lists no image": lambda g: replace(g, clean=g.crowd.of_images([]), clean_use="initial"),
    "which the crowd's labels do not list": lambda g: replace(
        g, crowd=g.crowd.of_images([1]), clean=g.crowd, clean_use="initial"
    ),
}


@pytest.mark.parametrize("problem", REFUSED)
def test_what_cannot_be_made_leaves_nothing_behind(tmp_path, problem):
    given = REFUSED[problem](sources(tmp_path, {1: [A]}, images=2))
    with pytest.raises(BadData, match=problem):
        create_project(tmp_path / "new" / "study", given, options())
    assert not (tmp_path / "new").exists()


def full_disk(*_arguments):
    raise BadData("project.toml", "could not be written", "Free space")


@pytest.mark.parametrize("step", ["write_settings", "_first_tasks"])
def test_a_creation_that_fails_late_leaves_other_files_alone(tmp_path, monkeypatch, step):
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    given = sources(tmp_path, {1: [A]})
    monkeypatch.setattr(create, step, full_disk)
    with pytest.raises(BadData, match="could not be written"):
        create_project(folder, given, options())
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    monkeypatch.undo()
    assert status(create_project(folder, given, options())).waiting == 1


def test_a_place_that_cannot_be_a_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadData, match="cannot be made"):
        create_project(tmp_path / "file" / "study", sources(tmp_path, {1: [A]}), options())


def test_stopping_leaves_nothing_behind(tmp_path):
    with pytest.raises(Cancelled):
        create_project(
            tmp_path / "study", sources(tmp_path, {}), options(), should_stop=lambda: True
        )
    assert not (tmp_path / "study").exists()


def test_what_a_killed_creation_left_is_taken_away(tmp_path, monkeypatch):
    def killed(_store):
        raise SystemExit

    given = sources(tmp_path, {1: [A]})
    with monkeypatch.context() as patch:
        patch.setattr(create.Database, "seal", killed)
        patch.setattr(create.Database, "drop", lambda _store: None)
        patch.setattr(create, "_without_leftovers", nullcontext)
        with pytest.raises(SystemExit):
            create_project(tmp_path / "study", given, options())
    assert (tmp_path / "study" / "project.db").exists()
    with pytest.raises(BadData, match=r"project\.toml is missing"):
        Project.open(tmp_path / "study")
    project = create_project(tmp_path / "study", given, options())
    assert by_image(project.crowd_labels().labels) == {1: [A]}


def test_a_project_is_not_made_over_another(tmp_path):
    folder = make(tmp_path, {1: [A]}).folder
    with pytest.raises(BadData, match="a project already"):
        create_project(folder, sources(tmp_path, {1: [A]}), options())


def test_a_database_that_lost_its_settings_is_not_overwritten(tmp_path):
    project = make(tmp_path, {1: [A]}, clean={1: [A]})
    settings = (project.folder / "project.toml").rename(tmp_path / "kept.toml")
    project.close()
    with pytest.raises(BadData, match="holds a project already"):
        create_project(project.folder, sources(tmp_path, {1: [A]}), options())
    settings.rename(project.folder / "project.toml")
    assert status(Project.open(project.folder)).done == 1


def test_a_project_moves_together_with_its_images(tmp_path):
    make(tmp_path / "here", {1: [A]}).close()
    (tmp_path / "here").rename(tmp_path / "there")
    project = Project.open(tmp_path / "there" / "study")
    assert project.path_of(project.image(1)).is_file()


def test_a_project_without_its_images_says_which_line_to_correct(tmp_path):
    project = make(tmp_path, {1: [A]})
    shutil.rmtree(tmp_path / "images")
    with pytest.raises(BadData, match=r"not there any more.*'images' in .*project\.toml"):
        project.path_of(project.image(1))


def test_an_image_of_another_size_is_noticed(tmp_path):
    project = make(tmp_path, {1: [A]})
    write_tiff(tmp_path / "images" / "image1.tif", np.zeros((50, 60), np.uint8))
    with pytest.raises(BadData, match="60×50 pixels now, its boxes were drawn on 100×100"):
        project.path_of(project.image(1))


def test_an_error_of_the_system_names_the_folder(tmp_path, monkeypatch):
    def no_space(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    given = sources(tmp_path, {1: [A]})
    monkeypatch.setattr("napari_alc.files.tempfile.mkstemp", no_space)
    with pytest.raises(AlcError, match="No space left on device"):
        create_project(tmp_path / "study", given, options())
    assert not (tmp_path / "study").exists()

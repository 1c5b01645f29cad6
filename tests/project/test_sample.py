"""A sample's project: open with its first image, in the end as if all were drawn at once."""

import numpy as np
import pytest
from sqlalchemy import select

from napari_alc.errors import BadData, Cancelled
from napari_alc.project import sample
from napari_alc.project.project import Project
from napari_alc.project.sample import draw_awaited, listed_boxes, make_sample_project
from napari_alc.project.steps.create import CreateOptions, Sources, create_project
from napari_alc.project.storage import schema
from napari_alc.simulation.crowd import DEMO_RATES, add_noise
from napari_alc.simulation.tem import draw_tem_image, make_tem_images

IMAGES = 4


@pytest.fixture
def half(tmp_path):
    make_sample_project(tmp_path / "half", IMAGES, 2, is_labelled=False)
    project = Project.open(tmp_path / "half")
    yield project
    project.close()


def stored(project):
    """Everything that the store holds, but for the moments at which it was written."""
    with project.store.begin() as connection:
        return {
            table.name: [
                {name: value for name, value in row._mapping.items() if "at" not in name.split("_")}
                for row in connection.execute(select(table))
            ]
            for table in schema.metadata.sorted_tables
        }


def drawn(project):
    return {path.name: path.read_bytes() for path in project.images_folder.iterdir()}


def test_every_image_shows_the_boxes_that_are_listed_for_it(tmp_path):
    for number, listed in enumerate(listed_boxes()):
        found = draw_tem_image(tmp_path, number, sample.SIZE, sample.SEED)
        np.testing.assert_array_equal(found, listed, err_msg=f"image {number}")


def test_a_sample_has_its_first_image_at_once(half):
    awaited = {image.id for image in half.awaited_images()}
    with half.store.transaction() as unit:
        first = unit.tasks.queue()[0].image_id
    assert awaited == {1, 2, 3, 4} - {first}
    assert half.path_of(half.image(first)).is_file()


def test_a_sample_becomes_what_it_would_be_if_it_were_drawn_at_once(half, tmp_path):
    truth = make_tem_images(tmp_path / "whole" / "images", IMAGES, sample.SIZE, sample.SEED)
    crowd = add_noise(truth, DEMO_RATES, sample.SEED).label_set
    sources = Sources(tmp_path / "whole" / "images", crowd, tmp_path / "whole" / "crowd labels")
    options = CreateOptions(half.settings.method, half.settings.detector)
    whole = create_project(tmp_path / "whole", sources, options)
    draw_awaited(half)
    assert stored(half) == stored(whole)
    assert drawn(half) == drawn(whole)
    whole.close()


def test_an_image_that_is_not_drawn_yet_is_refused_in_words_until_it_is(half):
    image = half.awaited_images()[-1]
    with pytest.raises(BadData, match=r"is not drawn yet\. Wait a few seconds"):
        half.path_of(image)
    draw_awaited(half)
    assert half.path_of(image).is_file()


def test_drawing_goes_on_where_it_was_cut_off_and_takes_no_half_image_for_a_whole_one(half):
    stops = iter([False, True])
    with pytest.raises(Cancelled):
        draw_awaited(half, should_stop=lambda: next(stops))
    left = half.awaited_images()
    assert len(left) == IMAGES - 2
    (half.images_folder / left[0].file_name).write_bytes(b"half of an image")
    told = []
    draw_awaited(half, report=told.append)
    assert [(progress.done, progress.total) for progress in told] == [(1, 2), (2, 2)]
    assert half.awaited_images() == ()
    assert half.path_of(left[0]).stat().st_size > 1000


def test_images_with_other_deposits_than_listed_are_all_drawn_first(tmp_path, monkeypatch):
    monkeypatch.setattr(sample, "listed_boxes", lambda: [boxes[1:] for boxes in listed_boxes()])
    make_sample_project(tmp_path / "other", IMAGES, 2, is_labelled=True)
    project = Project.open(tmp_path / "other")
    assert project.awaited_images() == ()
    assert len(drawn(project)) == IMAGES
    project.close()

"""COCO files and projects through napari's own Open and Save."""

import json

import napari
import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from npe2 import PluginManager

from napari_alc.errors import BadData
from napari_alc.formats.coco import read_coco, write_coco
from napari_alc.formats.images import write_tiff
from napari_alc.labels import Category, ImageRecord, LabelSet, numbered
from napari_alc.plugin.contributions.coco_shapes import METADATA
from napari_alc.plugin.contributions.reader import (
    ImageStack,
    coco_reader,
    project_reader,
    read_coco_layers,
)
from napari_alc.plugin.contributions.writer import write_boxes, write_layers
from tiny_projects import SIDE, draw


@pytest.fixture
def viewer():
    PluginManager.instance().discover()
    return napari.components.ViewerModel()


@pytest.fixture
def coco(tmp_path):
    """A COCO file beside its images, with a region for each box."""
    truth = draw(tmp_path)
    regions = ["red", "green", "pink", "gray", None]
    further = [
        {"region": regions[i % 5], "source": "crowd", "score": i / 100, "iteration": 2}
        for i in range(len(truth.labels))
    ]
    path = tmp_path / "labels.json"
    write_coco(path, truth, further, {"description": "squares"})
    return path


def opened(viewer, path):
    for data in read_coco_layers(str(path)):
        viewer._add_layer_from_data(*data)
    return viewer.layers[0], viewer.layers[1]


def test_napari_opens_a_coco_file_as_a_stack_with_boxes(coco, viewer):
    images, boxes = viewer.open(coco, plugin="napari-alc")
    assert images.data.shape == (6, SIDE, SIDE)
    assert len(boxes.data) == len(read_coco(coco).label_set.labels)
    assert list(boxes.features.columns) == [
        *("id", "category", "region", "source", "score", "iteration")
    ]
    assert set(boxes.shape_type) == {"rectangle"}


def test_boxes_lie_on_their_images_and_have_the_colour_of_their_region(coco, viewer):
    _, boxes = opened(viewer, coco)
    labels = read_coco(coco).label_set.labels
    corners = np.array(boxes.data)
    assert corners[:, 0, 0].tolist() == (labels.image_ids - 1).tolist()
    np.testing.assert_allclose(corners[:, :, 2].min(axis=1), labels.boxes[:, 0], atol=1e-3)
    colours = {tuple(colour) for colour in boxes.edge_color[:5].round(2).tolist()}
    assert len(colours) == 5


def test_saving_an_opened_file_writes_it_again(coco, viewer, tmp_path):
    _, boxes = opened(viewer, coco)
    target = tmp_path / "again.json"
    boxes.save(str(target), plugin="napari-alc")
    assert json.loads(target.read_text()) == json.loads(coco.read_text())


def test_saving_image_and_boxes_together_gives_the_same(coco, viewer, tmp_path):
    opened(viewer, coco)
    target = tmp_path / "again.json"
    assert viewer.layers.save(str(target), plugin="napari-alc") == [str(target)]
    assert json.loads(target.read_text()) == json.loads(coco.read_text())


def test_fractions_of_pixels_survive_where_nobody_moved_the_box(tmp_path, viewer):
    truth = draw(tmp_path)
    moved = truth.with_labels(
        type(truth.labels)(
            truth.labels.image_ids,
            truth.labels.category_ids,
            truth.labels.boxes + 0.123457,
            truth.labels.ids * 7,
        )
    )
    path = tmp_path / "labels.json"
    write_coco(path, moved)
    _, boxes = opened(viewer, path)
    boxes.data = [np.asarray(shape, dtype=np.float32) for shape in boxes.data]
    written = write_boxes(str(tmp_path / "again.json"), *boxes.as_layer_data_tuple()[:2])
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads(path.read_text())
    assert written == [str(tmp_path / "again.json")]


def test_edits_are_written_and_a_drawn_box_gets_an_id_of_its_own(coco, viewer, tmp_path):
    _, boxes = opened(viewer, coco)
    before = read_coco(coco).label_set.labels
    data = [shape.copy() for shape in boxes.data]
    data[0][:, 2] += 5
    boxes.data = data
    boxes.add(np.array([[1, 30, 30], [1, 30, 50], [1, 60, 50], [1, 60, 30]]))
    boxes.save(str(tmp_path / "edited.json"), plugin="napari-alc")
    after = read_coco(tmp_path / "edited.json").label_set.labels
    np.testing.assert_allclose(after.boxes[0], before.boxes[0] + [5, 0, 5, 0], atol=1e-3)
    assert after.ids.tolist() == [*before.ids.tolist(), before.ids.max() + 1]
    assert after.boxes[-1].tolist() == [30, 30, 50, 60]
    annotation = json.loads((tmp_path / "edited.json").read_text())["annotations"][-1]
    assert annotation["source"] == "person"
    assert "region" not in annotation


def test_deleted_boxes_are_gone_from_the_file(coco, viewer, tmp_path):
    _, boxes = opened(viewer, coco)
    boxes.selected_data = {1, 2}
    boxes.remove_selected()
    boxes.save(str(tmp_path / "fewer.json"), plugin="napari-alc")
    before = read_coco(coco).label_set.labels.ids
    after = read_coco(tmp_path / "fewer.json").label_set.labels.ids
    assert after.tolist() == np.delete(before, [1, 2]).tolist()


def test_a_tilted_shape_is_written_as_the_box_around_it_and_said_so(viewer, tmp_path):
    viewer.add_image(np.zeros((80, 90), np.uint8), name="drawn")
    viewer.add_shapes([np.array([[10, 30], [30, 50], [50, 30], [30, 10]])], shape_type="polygon")
    layers = [layer.as_layer_data_tuple() for layer in viewer.layers]
    write_layers(str(tmp_path / "boxes.json"), layers)
    labels = read_coco(tmp_path / "boxes.json").label_set
    assert labels.labels.boxes.tolist() == [[10.5, 10.5, 50.5, 50.5]]
    assert (labels.images[0].width, labels.images[0].height) == (90, 80)
    assert "1 shape was no upright rectangle" in notification_manager.records[-1].message


def test_boxes_drawn_by_hand_need_their_image(viewer, tmp_path):
    layer = viewer.add_shapes([np.array([[1, 1], [9, 9]])], shape_type="rectangle", name="mine")
    with pytest.raises(BadData, match="'mine' does not know which image it belongs to"):
        write_boxes(str(tmp_path / "x.json"), *layer.as_layer_data_tuple()[:2])
    assert not (tmp_path / "x.json").exists()


def test_boxes_and_image_must_share_their_pixels(viewer, tmp_path):
    viewer.add_image(np.zeros((80, 90), np.uint8), scale=(2, 2))
    viewer.add_shapes([np.array([[1, 1], [9, 9]])], shape_type="rectangle")
    layers = [layer.as_layer_data_tuple() for layer in viewer.layers]
    with pytest.raises(BadData, match="differ in their scale"):
        write_layers(str(tmp_path / "x.json"), layers)


@pytest.mark.parametrize("translate", [(0, 0), (0.5, 0.5), (30, 10)])
def test_boxes_around_pixels_are_written_as_their_outer_edges(viewer, tmp_path, translate):
    """Wherever the image lies: rows 0 to 9 and columns 20 to 39 are a box of 20 by 10."""
    image = viewer.add_image(np.zeros((80, 90), np.uint8), translate=translate, scale=(2, 2))
    low, high = (image.data_to_world(place) for place in ((-0.5, 19.5), (9.5, 39.5)))
    corners = [low, (low[0], high[1]), high, (high[0], low[1])]
    viewer.add_shapes([np.array(corners) / 2], shape_type="rectangle", scale=(2, 2))
    layers = [layer.as_layer_data_tuple() for layer in viewer.layers]
    write_layers(str(tmp_path / "boxes.json"), layers)
    assert read_coco(tmp_path / "boxes.json").label_set.labels.boxes.tolist() == [[20, 0, 40, 10]]


def test_boxes_of_an_opened_file_lie_around_the_pixels_of_their_objects(tmp_path, viewer):
    pixels = np.zeros((40, 50), np.uint8)
    pixels[0:12, 7:21] = 200
    write_tiff(tmp_path / "one.tif", pixels)
    image = ImageRecord(1, "one.tif", 50, 40)
    box = numbered([1], [1], np.array([[7, 0, 21, 12]]))
    write_coco(tmp_path / "labels.json", LabelSet((image,), (Category(1, "square"),), box))
    images, boxes = opened(viewer, tmp_path / "labels.json")
    corners = np.array([images.world_to_data(boxes.data_to_world(c)) for c in boxes.data[0]])
    # in the image layer's own count a pixel spans half a unit around its number
    assert corners.min(axis=0).tolist() == [0, -0.5, 6.5]
    assert corners.max(axis=0).tolist() == [0, 11.5, 20.5]


def test_a_stack_that_came_from_no_coco_file_is_refused(viewer, tmp_path):
    viewer.add_image(np.zeros((4, 80, 90), np.uint8))
    viewer.add_shapes(
        [np.array([[0, 1, 1], [0, 1, 9], [0, 9, 9], [0, 9, 1]])], shape_type="rectangle"
    )
    layers = [layer.as_layer_data_tuple() for layer in viewer.layers]
    with pytest.raises(BadData, match="is a stack"):
        write_layers(str(tmp_path / "x.json"), layers)


def test_shapes_on_no_image_are_refused(coco, viewer, tmp_path):
    _, boxes = opened(viewer, coco)
    boxes.add(np.array([[9, 30, 30], [9, 30, 50], [9, 60, 50], [9, 60, 30]]))
    with pytest.raises(BadData, match="lies on image number 10, but there are 6"):
        write_boxes(str(tmp_path / "x.json"), *boxes.as_layer_data_tuple()[:2])


def test_a_file_without_boxes_opens_and_is_written_again(tmp_path, viewer):
    path = tmp_path / "labels.json"
    truth = draw(tmp_path)
    write_coco(path, truth.with_labels(truth.labels.take([])))
    _, boxes = opened(viewer, path)
    assert len(boxes.data) == 0
    assert METADATA in boxes.metadata
    boxes.save(str(tmp_path / "again.json"), plugin="napari-alc")
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads(path.read_text())


def test_images_in_a_folder_beside_the_labels_are_found(tmp_path):
    truth = draw(tmp_path / "images")
    write_coco(tmp_path / "labels.json", truth)
    stack = read_coco_layers(str(tmp_path / "labels.json"))[0][0]
    assert len(stack) == 6


def test_images_where_an_export_says_they_are_are_found(tmp_path):
    truth = draw(tmp_path / "microscope" / "pictures")
    path = tmp_path / "study" / "exports" / "clean.json"
    write_coco(path, truth, None, {"images_folder": "../../microscope/pictures"})
    assert len(read_coco_layers(str(path))[0][0]) == 6


@pytest.mark.parametrize("missing", ["squares_1.tif", "squares_4.tif"])
def test_an_image_that_is_missing_is_named(coco, missing):
    (coco.parent / missing).unlink()
    with pytest.raises(BadData, match=f"lists image '{missing}'"):
        read_coco_layers(str(coco))


def test_other_json_files_are_left_to_others(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text('{"colour": "blue"}')
    assert coco_reader(str(path)) is None
    assert coco_reader(str(tmp_path / "none.json")) is None
    assert coco_reader([str(path)]) is None


def test_other_folders_are_left_to_others(tmp_path):
    assert project_reader(str(tmp_path)) is None
    assert project_reader([str(tmp_path)]) is None


def test_images_of_several_sizes_share_a_stack(tmp_path):
    small, large = np.full((20, 30), 7, np.uint8), np.full((40, 25), 9, np.uint8)
    write_tiff(tmp_path / "a.tif", small)
    write_tiff(tmp_path / "b.tif", large)
    stack = ImageStack([tmp_path / "a.tif", tmp_path / "b.tif"], [(30, 20), (25, 40)])
    assert stack.shape == (2, 40, 30)
    assert stack[0, :20, :30].min() == 7
    assert stack[0, 20:].max() == 0
    assert stack[1, :, 25:].max() == 0
    assert np.asarray(stack).shape == stack[:].shape == stack[..., :].shape == stack.shape
    assert stack[2:].shape == (0, 40, 30)


def test_images_of_several_kinds_share_a_stack(tmp_path):
    write_tiff(tmp_path / "a.tif", np.arange(400, dtype=np.uint8).reshape(20, 20))
    write_tiff(tmp_path / "b.tif", np.arange(400, dtype=np.uint16).reshape(20, 20) * 100)
    write_tiff(tmp_path / "c.tif", np.zeros((20, 20, 3), np.uint8))
    paths = [tmp_path / f"{name}.tif" for name in "abc"]
    gray = ImageStack(paths, [(20, 20)] * 3)
    assert gray.shape == (3, 20, 20)
    assert (gray[1].min(), gray[1].max()) == (0, 255)
    colour = ImageStack(paths[::-1], [(20, 20)] * 3)
    assert colour.shape == (3, 20, 20, 3)
    assert colour[1].max() == 255


def test_opening_the_file_of_a_project_docks_the_widget_with_it(fresh, docked):
    viewer, widget = docked()
    assert viewer.open(fresh / "project.toml", plugin="napari-alc") == []
    assert widget.project.folder == fresh


def test_folders_of_pictures_are_not_claimed(tmp_path, viewer):  # noqa: ARG001
    draw(tmp_path)
    readers = PluginManager.instance().iter_compatible_readers([str(tmp_path)])
    assert "napari-alc" not in [reader.plugin_name for reader in readers]


def test_the_layers_of_a_review_are_not_saved_and_the_export_is_named(
    docked, fresh, tmp_path, qtbot
):
    viewer, widget = docked()
    widget.open_project(fresh)
    qtbot.waitUntil(lambda: len(viewer.layers) > 2)
    layers = [layer.as_layer_data_tuple() for layer in viewer.layers]
    boxes = next(layer for layer in layers if layer[2] == "shapes")
    with pytest.raises(BadData, match="Write clean dataset"):
        write_boxes(str(tmp_path / "x.json"), boxes[0], boxes[1])
    image = next(layer for layer in layers if layer[2] == "image")
    with pytest.raises(BadData, match="Write clean dataset"):
        write_layers(str(tmp_path / "x.json"), [image, boxes])
    assert not (tmp_path / "x.json").exists()

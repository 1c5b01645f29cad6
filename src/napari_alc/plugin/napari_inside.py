"""Where the program reaches inside napari, since napari offers no other way.

Each function goes without where another version of napari has it no more.
"""

from __future__ import annotations

from typing import Any, cast

from napari.layers import Layer
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QMainWindow, QWidget


def main_window(viewer: Any) -> QMainWindow:
    """The window of napari."""
    return cast("QMainWindow", viewer.window.main_menu.window())


def canvas_widget(viewer: Any) -> QWidget:
    """The widget that napari draws its layers in."""
    return main_window(viewer).centralWidget().findChild(QOpenGLWidget)


def show_welcome(viewer: Any, is_shown: bool) -> bool:
    """Let napari greet on the canvas while it has no layers, or not; returns whether it did."""
    central: Any = main_window(viewer).centralWidget()
    was_shown = False
    for place in (central, *central.findChildren(QWidget)):
        if hasattr(place, "show_welcome_screen"):
            was_shown = bool(place.show_welcome_screen)
            place.show_welcome_screen = is_shown
    return was_shown


def drawn_by(viewer: Any, layer: Layer) -> object | None:
    """What draws a layer on the canvas; None where it is not to be found."""
    place: Any = canvas_widget(viewer)
    while place is not None:
        drawn = getattr(getattr(place, "canvas", None), "layer_to_visual", {}).get(layer)
        if drawn is not None:
            return cast("object", drawn)
        place = place.parentWidget()
    return None


def fonts_of(node: Any) -> dict[str, Any]:
    """What napari writes on a layer with, for vispy's texts; empty without such a layer."""
    text = getattr(node, "text", None)
    manager, face = getattr(text, "_font_manager", None), getattr(text, "_face", None)
    return {"font_manager": manager, "face": face} if manager and face else {}


def node_of(viewer: Any, layer: Layer) -> Any:
    """The node of the scene that draws a layer, its shapes put out; None without one."""
    node = getattr(drawn_by(viewer, layer), "node", None)
    faces = getattr(node, "shape_faces", None)
    if faces is not None:
        faces.visible = False
    return node

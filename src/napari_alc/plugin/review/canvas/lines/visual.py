"""Draws the lines of boxes on the graphics card, as wide on the screen at every zoom."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from vispy.gloo import IndexBuffer, VertexBuffer
from vispy.scene.visuals import create_visual_node
from vispy.visuals import Visual

from napari_alc.plugin.review.canvas.lines.geometry import VERTEX, VERTICES, Vertices

SMALL = 12.0
"""Pixels of the screen of a box's shorter side below which its line gets thinner."""

_VERTEX = f"""
attribute vec2 place;
attribute vec2 by_width;
attribute vec2 apart;
attribute vec3 size;
attribute vec4 dash;
attribute vec4 colour;
varying vec4 v_colour;
varying vec4 v_dash;
varying float v_along;

void main() {{
    vec4 here = $to_canvas(vec4(place, 0.0, 1.0));
    vec4 beside = $to_canvas(vec4(place + vec2(1.0, 1.0), 0.0, 1.0));
    vec2 step = beside.xy / beside.w - here.xy / here.w;
    float thin = clamp(size.x * abs(step.x) / {SMALL}, size.y, 1.0);
    vec2 offset = floor(by_width * thin + 0.5) + apart;
    vec2 on_canvas = here.xy / here.w + sign(step) * offset;
    gl_Position = $to_render(vec4(on_canvas, 0.0, 1.0));
    v_colour = colour;
    v_dash = dash;
    v_along = size.z * abs(step.x);
}}
"""

_FRAGMENT = """
varying vec4 v_colour;
varying vec4 v_dash;
varying float v_along;

void main() {
    float period = v_dash.x + v_dash.y + v_dash.z + v_dash.w;
    if (period > 0.0) {
        float place = mod(v_along, period);
        float second = v_dash.x + v_dash.y;
        if (place >= v_dash.x && (place < second || place >= second + v_dash.z))
            discard;
    }
    gl_FragColor = v_colour;
}
"""


class _LinesVisual(Visual):
    """Triangles whose vertices are `VERTEX`."""

    def __init__(self) -> None:
        super().__init__(_VERTEX, _FRAGMENT)
        self._buffer = VertexBuffer(np.zeros(VERTICES, dtype=VERTEX))
        self._index_buffer = IndexBuffer(np.zeros((1, 3), dtype=np.uint32))
        self._draw_mode = "triangles"
        self.set_gl_state("translucent", depth_test=False, cull_face=False)
        self.shared_program.bind(self._buffer)

    def set_vertices(self, vertices: Vertices, order: NDArray[np.uint32]) -> None:
        """Draw these boxes, in this order of triangles."""
        self._buffer.set_data(vertices.ravel())
        self._index_buffer.set_data(order)
        self.update()

    def set_box(self, row: int, vertices: Vertices) -> None:
        """Draw one of the boxes otherwise."""
        self._buffer.set_subdata(vertices.ravel(), offset=row * VERTICES)
        self.update()

    def _prepare_transforms(self, view: Any) -> None:
        transforms = view.transforms
        view.view_program.vert["to_canvas"] = transforms.get_transform("visual", "canvas")
        view.view_program.vert["to_render"] = transforms.get_transform("canvas", "render")

    def _prepare_draw(self, view: Any) -> bool:  # noqa: ARG002
        return bool(self._index_buffer.size)

    def _compute_bounds(self, axis: int, view: Any) -> None:  # noqa: ARG002
        return None


LineNode = create_visual_node(_LinesVisual)
"""Such triangles as a node of a scene."""

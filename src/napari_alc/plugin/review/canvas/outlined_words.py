"""Words on the canvas in light letters with a dark casing, which are read on any ground.

vispy keeps letters as distances to their edge, so that a casing is the same letter drawn first,
wider and dark. All casings are drawn before any letter: none covers the letter beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from napari.utils.colormaps.standardize_color import transform_color
from numpy.typing import NDArray
from vispy.scene.visuals import create_visual_node
from vispy.visuals import TextVisual

from napari_alc.plugin.palettes import TEXT_POINTS

EDGE, CASING_EDGE = 0.5, 0.1
"""Of a letter, and of its casing about a pixel of the screen around it, in vispy's distances."""

POINTS_PER_INCH, USUAL_DPI = 72, 96
"""vispy counts in the points of print, napari in those of a usual screen."""

_FRAGMENT = f"""
#extension GL_OES_standard_derivatives : enable
uniform sampler2D u_font_atlas;
uniform float u_is_casing;
varying vec2 v_texcoord;
varying vec4 v_color;

float covered(vec2 place) {{
    float d = texture2D(u_font_atlas, place).r;
    float edge = mix({EDGE}, {CASING_EDGE}, u_is_casing);
    float soft = min(0.5 * fwidth(d), edge);
    return smoothstep(edge - soft, edge + soft, d);
}}

void main() {{
    // four more samples within the pixel: letters are small
    vec2 step = 0.35 * (dFdx(v_texcoord) + dFdy(v_texcoord));
    float around = covered(v_texcoord + step) + covered(v_texcoord - step)
        + covered(v_texcoord + vec2(step.x, -step.y)) + covered(v_texcoord + vec2(-step.x, step.y));
    float alpha = (covered(v_texcoord) + 0.5 * around) / 3.0;
    if (alpha <= 0.0)
        discard;
    gl_FragColor = vec4(v_color.rgb * (1.0 - u_is_casing), v_color.a * alpha);
}}
"""


class _OutlinedTextVisual(TextVisual):
    """Texts of `TEXT_POINTS`, each drawn twice: its casing, then its letters."""

    _shaders: ClassVar = {"vertex": TextVisual._shaders["vertex"], "fragment": _FRAGMENT}

    def draw(self) -> None:
        """Draw all casings, then all letters."""
        dpi = self.transforms.dpi or USUAL_DPI
        self._font_size = TEXT_POINTS * USUAL_DPI / dpi
        for is_casing in (1.0, 0.0):
            self.shared_program["u_is_casing"] = is_casing
            super().draw()


OutlinedText = create_visual_node(_OutlinedTextVisual)
"""Such texts as a node of a scene."""


class OutlinedWords:
    """Words, each around a place of the image."""

    def __init__(self) -> None:
        self._node: Any = None
        self._shown: tuple[list[str], list[str], NDArray[Any]] | None = None
        self._written: list[list[str]] | None = None

    def draw_on(self, parent: Any, fonts: dict[str, Any]) -> None:
        """Draw below a node of a scene from now on; None for nowhere."""
        self._node = None if parent is None else OutlinedText(parent=parent, **fonts)
        self._written = None
        self._send()

    def show(self, words: Sequence[str], colours: Sequence[str], places: NDArray[Any]) -> None:
        """Show these words and no others.

        `colours` are written as ``#rrggbb``; `places` are the middles ``x, y``, shape (N, 2).
        """
        self._shown = (list(words), list(colours), places) if words else None
        self._send()

    def hide(self) -> None:
        """Show no words."""
        self._shown = None
        self._send()

    def _send(self) -> None:
        if self._node is None:
            return
        self._node.visible = self._shown is not None
        if self._shown is not None:
            written, places = list(self._shown[:2]), self._shown[2]
            # letters are made anew for other words only, which takes much longer than to move them
            if written != self._written:
                self._written = written
                self._node.text = written[0]
                self._node.color = transform_color(written[1])
            self._node.pos = places

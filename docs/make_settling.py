"""Makes the moving picture of settling five boxes from the real program.

Called by ``make_screenshots.py`` with a project whose images wait, and the GIF
to be written. Every frame shows the window as it is after the key named on it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from napari_alc.plugin.screenshot import opened, picture_of, wait_for
from napari_alc.plugin.widget import ActiveLabelCleaning

SIZE = (1280, 720)
WIDTH = 960
"""Of the GIF in pixels."""

FRAME_MS = 900
GRAYS, FREQUENT, RARE = 40, 40, 100
"""Colours of each kind in the GIF."""

LEAST_CHROMA = 40
"""Difference of the channels from which a colour is no shade of the window."""

STEPS = (
    ("whole_image", "The image that waits"),
    ("next_box", "Next open box"),
    ("keep", "Keep it"),
    ("delete", "Delete it"),
    ("take_model", "Take the model's box"),
    ("far_right", "Move it"),
    ("wider", "Make it wider"),
    ("next_box", "Next"),
    ("keep", "Keep it"),
    ("undo", "Undo"),
    ("delete", "Delete it instead"),
    ("whole_image", "All stored: there is no Save"),
)
"""Commands with what is said of them; ``take_model`` is of the model whose box is offered."""


FONT_POINTS = 22
PADDING = 12


def make_frames(widget: ActiveLabelCleaning) -> list[Image.Image]:
    """One frame a command, with its key written on it."""
    review = widget.review_page
    widget.tabs.setCurrentWidget(review)
    wait_for(widget)
    frames = []
    for step, said in STEPS:
        command = _go_to_offered(widget) if step == "take_model" else step
        review.actions_by_name()[command]()
        wait_for(widget)
        words = f"{review.state.keys.first(command)}   {said}"
        frames.append(_frame(picture_of(widget.window()), words))
    return frames


def _go_to_offered(widget: ActiveLabelCleaning) -> str:
    """Go to a box beside which a model offers another; the command that takes that."""
    review = widget.review_page
    for _ in review.state.open_boxes:
        offered = {box.source for box in review.state.suggestions}
        for model in ("mp", "ma"):
            if model in offered:
                return f"take_{model}"
        review.controller.boxes.selection.next_box()
    return "keep"


def _frame(window: Image.Image, words: str) -> Image.Image:
    height = round(window.height * WIDTH / window.width)
    frame = window.resize((WIDTH, height), Image.Resampling.LANCZOS)
    draw, font = ImageDraw.Draw(frame), ImageFont.load_default(FONT_POINTS)
    left, top, right, bottom = draw.textbbox((3 * PADDING, height - 6 * PADDING), words, font)
    plate = (left - PADDING, top - PADDING, right + PADDING, bottom + PADDING)
    draw.rounded_rectangle(plate, radius=8, fill="#101418", outline="#ffffff")
    draw.text((3 * PADDING, height - 6 * PADDING), words, "#ffffff", font)
    return frame


def write_gif(frames: list[Image.Image], out: Path) -> None:
    """All frames in the same colours, so that what stays the same is stored once."""
    palette = Image.new("P", (1, 1))
    palette.putpalette(_colours(np.concatenate([np.asarray(frame) for frame in frames])).tobytes())
    small = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    small[0].save(
        out, save_all=True, append_images=small[1:], duration=FRAME_MS, loop=0, optimize=True
    )


def _colours(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grays, the most frequent colours, and some of all the rare ones: thin lines are rare."""
    values, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    frequent = values[np.argsort(-counts, kind="stable")[:FREQUENT]]
    rare = values[np.ptp(values.astype(int), axis=1) > LEAST_CHROMA]
    found = Image.fromarray(rare[None]).quantize(RARE, method=Image.Quantize.MAXCOVERAGE)
    chosen = np.array(found.getpalette()[: 3 * RARE], np.uint8).reshape(-1, 3)
    grays = np.repeat(np.linspace(0, 255, GRAYS).astype(np.uint8)[:, None], 3, axis=1)
    return np.concatenate([grays, frequent, chosen])


def main() -> None:
    """Open the project given first, and write the GIF given second."""
    with opened(Path(sys.argv[1]), SIZE) as widget:
        write_gif(make_frames(widget), Path(sys.argv[2]))


if __name__ == "__main__":
    main()

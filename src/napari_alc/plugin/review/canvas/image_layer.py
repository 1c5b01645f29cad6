"""The image under review on napari's canvas: layer, contrast, and the camera.

Contrast is for the eye alone; pixels and file stay as they are. Local contrast, a copy in which
every neighbourhood takes all grays, is computed in a thread.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Image
from qtpy.compat import isalive
from qtpy.QtCore import QObject, Signal
from skimage.exposure import equalize_adapthist

from napari_alc.formats.images import Pixels, normalise
from napari_alc.plugin.napari_inside import canvas_widget
from napari_alc.plugin.palettes import HALF_PIXEL
from napari_alc.plugin.review import messages
from napari_alc.plugin.review.canvas.overview import Overview
from napari_alc.plugin.review.canvas.scale_bar import ScaleBar
from napari_alc.plugin.review.canvas.view import WHOLE_MARGIN, view_of, whole_zoom
from napari_alc.plugin.review.image_loader import ReadImage, limits_of
from napari_alc.project.storage.records import ReviewBox

NEIGHBOURHOODS = 8
"""Along each side of the image."""

LEAST_SIDE = 16
"""Pixels of a neighbourhood; fewer would show the noise of single pixels."""

BRIGHTNESS_STEP = 1.25
"""Brightness is multiplied or divided by this with each press of a key."""

MOST_STEPS = 6
"""Steps of brightness up or down: from about a quarter to four."""

_CONTRAST = re.compile(rf"(stretched|stored) ([+-][0-{MOST_STEPS}]) (local|global)")
"""How a contrast is kept as a text."""


@dataclass(frozen=True)
class Contrast:
    """How gray images are shown: a kind of setting that suits each of them, and no gray values.

    Parameters
    ----------
    stretched
        Whether the limits are where the pixels are, rather than all that the image holds.
    steps
        Of brightness, up or down by at most `MOST_STEPS`.
    local
        Whether every neighbourhood takes all grays.
    """

    stretched: bool = True
    steps: int = 0
    local: bool = False

    @classmethod
    def read(cls, text: str) -> Contrast:
        """The contrast that was kept as `text`; the usual one for any other text."""
        match = _CONTRAST.fullmatch(text)
        if match is None:
            return cls()
        return cls(match[1] == "stretched", int(match[2]), match[3] == "local")

    @property
    def text(self) -> str:
        """What `read` reads, such as ``stretched +2 local``."""
        limits, reach = ("stored", "stretched")[self.stretched], ("global", "local")[self.local]
        return f"{limits} {self.steps:+d} {reach}"

    @property
    def gamma(self) -> float:
        """Exponent of the grays: 1 as they are, less than 1 brighter."""
        return float(BRIGHTNESS_STEP**-self.steps)

    @property
    def words(self) -> str:
        """What a person reads, such as "stretched, brightness 1.2, local"."""
        words = ["stretched" if self.stretched else "as stored"]
        if self.steps:
            words.append(f"brightness {1 / self.gamma:.2g}")
        if self.local:
            words.append("local")
        return ", ".join(words)


def with_local_contrast(image: ReadImage) -> ReadImage:
    """A copy of a gray image with contrast-limited adaptive equalisation (CLAHE).

    Pixels (H, W) of any real type become 8-bit ones, NaN black. An even image comes back even.
    """
    pixels = _equalised(normalise(image.pixels))
    return ReadImage(pixels, *limits_of(pixels), image.nm_per_pixel)


def _equalised(pixels: Pixels) -> Pixels:
    if pixels.min() == pixels.max():
        return pixels
    sides = [min(side, max(LEAST_SIDE, side // NEIGHBOURHOODS)) for side in pixels.shape]
    shares: Pixels = equalize_adapthist(pixels, kernel_size=sides)
    grays: Pixels = np.rint(shares * 255).astype(np.uint8)
    return grays


class LocalContrast(QObject):
    """Computes one copy at a time beside the window and keeps it as long as its image."""

    ready = Signal(object)
    """Emitted with an image whose copy can be taken, or for which memory did not suffice."""

    _computed = Signal(object, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._copies: WeakKeyDictionary[ReadImage, ReadImage] = WeakKeyDictionary()
        self._waiting: WeakKeyDictionary[ReadImage, Future[None]] = WeakKeyDictionary()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="napari-alc-local")
        self._computed.connect(self._keep)
        pool = self._pool
        parent.destroyed.connect(lambda: pool.shutdown(wait=False, cancel_futures=True))

    def ask(self, image: ReadImage) -> None:
        """Compute the copy of the image that is shown, before those of others."""
        for other, waiting in list(self._waiting.items()):
            if waiting.cancel():
                del self._waiting[other]
        self.prepare(image)

    def prepare(self, image: ReadImage) -> None:
        """Compute the copy of an image that may be shown next, unless it is there."""
        if image not in self._copies and image not in self._waiting:
            self._waiting[image] = self._pool.submit(self._compute, image)

    def take(self, image: ReadImage) -> ReadImage | None:
        """The copy of `image`; None while it is not there."""
        return self._copies.get(image)

    def _compute(self, image: ReadImage) -> None:
        try:
            copy = with_local_contrast(image)
        except MemoryError:
            copy = None
        # the window may be gone by now
        if isalive(self):
            self._computed.emit(image, copy)

    def _keep(self, image: ReadImage, copy: ReadImage | None) -> None:
        self._waiting.pop(image, None)
        if copy is not None:
            self._copies[image] = copy
        self.ready.emit(image)


LARGEST_SHARE = 0.6
"""Of the view's width and height that a box may take before the scale changes."""

LEAST_SIDE_SEEN = 24.0
"""Screen pixels of a box's longer side below which the scale changes."""

CONTEXT = 0.25
"""Share of the image's shorter side that is in view at least: a box needs its surroundings."""

INNER = 0.8
"""Share of the view, in its middle, within which a box need not be brought to the middle."""

LARGEST_ZOOM = 12.0
"""Screen pixels an image pixel at most."""


class ReviewImage(QObject):
    """One image at a time, in a layer that is made once and refilled.

    Gray and colour images need a layer each; the one not in use is hidden. Contrast is for the
    eye alone and stays from image to image; pixels and file are never changed. A `contrast` that is
    set from outside holds for the image shown next.
    """

    notified = Signal(str)
    """Emitted with what a person should know; empty when there is nothing to say any more."""

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._image: ReadImage | None = None
        self._shown: ReadImage | None = None
        self._is_awaited = False
        self._fitted_zoom = 0.0
        self.contrast = Contrast()
        self.layers = {False: _layer("Image"), True: _layer("Image (colour)", rgb=True)}
        self.scale_bar = ScaleBar(viewer, canvas_widget(viewer))
        self.overview = Overview(viewer, canvas_widget(viewer))
        self._copies = LocalContrast(self)
        self._copies.ready.connect(self._on_local_ready)
        for widget in (self.scale_bar, self.overview):
            self.destroyed.connect(widget.deleteLater)
        viewer.canvas.events.size.connect(self._fit_again)

    @property
    def has_colours(self) -> bool:
        """Whether the image has colours, which have no contrast limits."""
        return self._image is not None and self._image.pixels.ndim == 3

    @property
    def layer(self) -> Image:
        """The layer in use."""
        return self.layers[self.has_colours]

    def show(self, image: ReadImage) -> None:
        """Put another image in place of the one shown; the camera stays."""
        self._image = image
        self._update()
        self.scale_bar.set_pixel_size(image.nm_per_pixel)
        self.overview.show_image(image)

    def set_aside(self, is_aside: bool) -> None:
        """Whether another image is on the canvas, for which nothing of this one holds."""
        image = None if is_aside else self._image
        self.scale_bar.set_pixel_size(None if image is None else image.nm_per_pixel)
        self.overview.show_image(image)

    def prepare(self, image: ReadImage) -> None:
        """Get an image that may be shown next ready for the contrast that is set."""
        if self.contrast.local and image.pixels.ndim == 2:
            self._copies.prepare(image)

    def hide(self) -> None:
        """Show no image."""
        self._image, self._shown = None, None
        self._await(False)
        self.scale_bar.set_pixel_size(None)
        self.overview.show_image(None)
        for layer in self.layers.values():
            _set_visible(layer, False)

    def toggle_stretch(self) -> None:
        """Change between stretched contrast and the grays as they are stored."""
        if not self._refuses():
            self.contrast = replace(self.contrast, stretched=not self.contrast.stretched)
            self.apply_contrast()

    def brighter(self) -> None:
        """Make the grays a step brighter."""
        self._step(1, messages.BRIGHTEST)

    def darker(self) -> None:
        """Make the grays a step darker."""
        self._step(-1, messages.DARKEST)

    def toggle_local(self) -> None:
        """Change between local contrast and the image itself."""
        if not self._refuses():
            self.contrast = replace(self.contrast, local=not self.contrast.local)
            self._update()

    def set_smooth(self, is_smooth: bool) -> None:
        """Draw pixels as squares, or smoothed into each other; only on screen."""
        for layer in self.layers.values():
            layer.interpolation2d = "linear" if is_smooth else "nearest"

    def contrast_words(self) -> str:
        """The contrast in which the image is shown."""
        return "colours as they are" if self.has_colours else self.contrast.words

    def apply_contrast(self) -> None:
        """Show the image stretched or as it is; the pixels stay as they are."""
        if self._shown is None or self.has_colours:
            return
        limits = self._shown.stretched if self.contrast.stretched else self._shown.full
        _set_range(self.layer, self._shown)
        # napari draws anew at each setting, changed or not
        if tuple(self.layer.contrast_limits) != limits:
            self.layer.contrast_limits = limits
        if self.layer.gamma != self.contrast.gamma:
            self.layer.gamma = self.contrast.gamma

    def _refuses(self) -> bool:
        if self.has_colours:
            self.notified.emit(messages.COLOURS_AS_THEY_ARE)
        return self.has_colours

    def _step(self, by: int, at_end: str) -> None:
        if self._refuses():
            return
        steps = self.contrast.steps + by
        if abs(steps) > MOST_STEPS:
            self.notified.emit(at_end)
            return
        self.contrast = replace(self.contrast, steps=steps)
        self.apply_contrast()

    def _update(self) -> None:
        """Show the image in the contrast that is set, as it is while that is computed."""
        if self._image is None:
            return
        wanted = self.contrast.local and not self.has_colours
        copy = self._copies.take(self._image) if wanted else None
        self._put(copy or self._image)
        self._await(wanted and copy is None)
        if self._is_awaited:
            self._copies.ask(self._image)

    def _await(self, is_awaited: bool) -> None:
        before, self._is_awaited = self._is_awaited, is_awaited
        if is_awaited or before:
            self.notified.emit(messages.COMPUTING if is_awaited else "")

    def _on_local_ready(self, image: ReadImage) -> None:
        if image is not self._image or not self.contrast.local:
            return
        self._await(False)
        copy = self._copies.take(image)
        if copy is None:
            self.notified.emit(messages.NO_MEMORY)
        else:
            self._put(copy)

    def _put(self, shown: ReadImage) -> None:
        self._shown = shown
        if self.layer.data is not shown.pixels:
            self.layer.data = shown.pixels
        _set_visible(self.layers[not self.has_colours], False)
        _set_visible(self.layer, True)
        self.apply_contrast()

    def look_at(self, box: ReviewBox) -> None:
        """Bring a box towards the middle of the view, unless it lies there; keep the scale.

        The scale changes only where the box would not fit or hardly be seen, and never so far that
        less than `CONTEXT` of the image is in view.
        """
        camera = self._viewer.scene.camera
        zoom = self._zoom_for(box, camera.zoom)
        if zoom != camera.zoom or not self._is_inside(box):
            camera.center = self._center_for(box, zoom)
            camera.zoom = zoom

    def _center_for(self, box: ReviewBox, zoom: float) -> tuple[float, float]:
        """The middle of a box, or as near to it as the image fills the view."""
        x1, y1, x2, y2 = box.corners
        middle = np.array([(y1 + y2) / 2, (x1 + x2) / 2])
        if self._image is not None:
            size = np.array(self._image.pixels.shape[:2])
            view = np.array(self._viewer.canvas.size) / zoom
            reach = np.maximum(size - (1 - WHOLE_MARGIN) * view, 0) / 2
            middle = np.clip(middle, size / 2 - reach, size / 2 + reach)
        return float(middle[0]), float(middle[1])

    def _zoom_for(self, box: ReviewBox, now: float) -> float:
        x1, y1, x2, y2 = box.corners
        height, width = self._viewer.canvas.size
        sides = max(x2 - x1, 1), max(y2 - y1, 1)
        largest = LARGEST_SHARE * min(width / sides[0], height / sides[1])
        least = LEAST_SIDE_SEEN / max(sides)
        if least <= now <= min(largest, self._closest_zoom):
            return now
        wanted = min(largest / 2, self._closest_zoom)
        return float(max(wanted, self._whole_zoom()))

    @property
    def _closest_zoom(self) -> float:
        """At which `CONTEXT` of the image is in view."""
        if self._image is None:
            return LARGEST_ZOOM
        seen = CONTEXT * min(self._image.pixels.shape[:2])
        return float(min(min(self._viewer.canvas.size) / seen, LARGEST_ZOOM))

    def _is_inside(self, box: ReviewBox) -> bool:
        """Whether a box lies well within the view."""
        left, top, right, bottom = view_of(self._viewer)
        dx, dy = (1 - INNER) / 2 * (right - left), (1 - INNER) / 2 * (bottom - top)
        x1, y1, x2, y2 = box.corners
        in_x = left + dx <= x1 and x2 <= right - dx
        return in_x and top + dy <= y1 and y2 <= bottom - dy

    def look_at_all(self, boxes: Sequence[ReviewBox]) -> None:
        """Centre several boxes, and zoom out as far as it takes to see them all."""
        if len(boxes) == 1:
            self.look_at(boxes[0])
            return
        x1, y1, x2, y2 = zip(*(box.corners for box in boxes), strict=True)
        low, high = (min(y1), min(x1)), (max(y2), max(x2))
        height, width = self._viewer.canvas.size
        fitting = min(height / (high[0] - low[0]), width / (high[1] - low[1]))
        camera = self._viewer.scene.camera
        camera.center = ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2)
        camera.zoom = min((1 - WHOLE_MARGIN) * fitting, LARGEST_ZOOM)

    def look_at_whole(self) -> None:
        """Show the whole image."""
        if self._image is not None:
            height, width = self._image.pixels.shape[:2]
            self._viewer.scene.camera.center = (height / 2, width / 2)
            self._fitted_zoom = self._whole_zoom()
            self._viewer.scene.camera.zoom = self._fitted_zoom

    def _fit_again(self) -> None:
        """Keep the whole image in a view that is resized, unless a person has zoomed."""
        if self._viewer.scene.camera.zoom == self._fitted_zoom:
            self.look_at_whole()

    def _whole_zoom(self) -> float:
        if self._image is None:
            return float(self._viewer.scene.camera.zoom)
        return whole_zoom(self._viewer, self._image.pixels.shape)


def _set_visible(layer: Image, visible: bool) -> None:
    # napari draws everything anew at each setting, changed or not
    if layer.visible != visible:
        layer.visible = visible


def _set_range(layer: Image, image: ReadImage) -> None:
    """Let napari's slider reach all grays of the image; setting it costs as much as drawing."""
    bottom, top = layer.contrast_limits_range
    low = min(image.full[0], image.stretched[0])
    high = max(image.full[1], image.stretched[1])
    if not bottom <= low < high <= top:
        layer.contrast_limits_range = (low, high)


def _layer(name: str, rgb: bool = False) -> Image:
    shape = (2, 2, 3) if rgb else (2, 2)
    return Image(
        np.zeros(shape, dtype=np.uint8),
        rgb=rgb,
        name=name,
        visible=False,
        translate=(HALF_PIXEL, HALF_PIXEL),
        metadata={"napari_alc": "review"},
    )

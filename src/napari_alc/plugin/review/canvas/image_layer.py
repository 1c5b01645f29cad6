"""The image under review on napari's canvas: layer, contrast, scale bar, and the camera.

Contrast is for the eye alone; pixels and file stay as they are. Local contrast, a copy in which
every neighbourhood takes all grays, is computed in a thread.

napari's own scale bar measures in the units of the layers. Ours stay in pixels, as the boxes
are, so the bar is a widget of its own that knows how large a pixel is.
"""

from __future__ import annotations

import math
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Image
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPaintEvent
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QWidget
from skimage.exposure import equalize_adapthist

from napari_alc.formats.images import Pixels, normalise
from napari_alc.plugin.palettes import HALF_PIXEL
from napari_alc.plugin.review import messages
from napari_alc.plugin.review.image_loader import ReadImage, limits_of
from napari_alc.project.storage.records import ReviewBox
from napari_alc.wording import length_words, round_length

NEIGHBOURHOODS = 8
"""Along each side of the image."""

LEAST_SIDE = 16
"""Pixels of a neighbourhood; fewer would show the noise of single pixels."""


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


LONGEST_BAR = 160.0
"""Screen pixels of the bar at most; it is at least two fifths of that."""

BAR_MARGIN = 12
"""Screen pixels between the bar's ground and the canvas' edges."""

PADDING = 8
THICKNESS = 4

GROUND = QColor(0, 0, 0, 190)
"""Dark enough to read white on, whatever the image."""


def canvas_widget(viewer: Any) -> QWidget:
    """The widget that napari draws its layers in."""
    window = viewer.window.main_menu.window()
    return window.centralWidget().findChild(QOpenGLWidget)


class ScaleBar(QWidget):
    """Shows a round length at the present zoom; hidden where a pixel's size is not known."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(canvas_widget(viewer))
        self._camera = viewer.scene.camera
        self._nm_per_pixel: float | None = None
        self.length = 0.0
        """Of the bar, in screen pixels."""
        self.words = ""
        """Beside the bar."""
        self.setAccessibleName("Scale bar")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._camera.events.zoom.connect(self._measure)
        self.parentWidget().installEventFilter(self)
        self.hide()

    def set_pixel_size(self, nanometres: float | None) -> None:
        """Measure in pixels of this size; None hides the bar."""
        self._nm_per_pixel = nanometres
        # A job may end, and the page be told, when the window with its canvas is gone.
        if isalive(self):
            self.setVisible(nanometres is not None)
            self._measure()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Stay in the corner of a canvas that is resized."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return bool(super().eventFilter(watched, event))

    def _measure(self) -> None:
        # napari's camera may outlive the window
        if self._nm_per_pixel is None or not isalive(self):
            return
        nm_per_screen_pixel = self._nm_per_pixel / self._camera.zoom
        nanometres = round_length(LONGEST_BAR * nm_per_screen_pixel)
        self.length = nanometres / nm_per_screen_pixel
        self.words = length_words(nanometres)
        self._place()
        self.update()

    def _place(self) -> None:
        text = self.fontMetrics()
        inside = max(math.ceil(self.length), text.horizontalAdvance(self.words))
        width = inside + 2 * PADDING
        height = text.height() + THICKNESS + 2 * PADDING
        canvas = self.parentWidget()
        self.setGeometry(
            canvas.width() - width - BAR_MARGIN,
            canvas.height() - height - BAR_MARGIN,
            width,
            height,
        )

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        """Draw the ground, the length in words, and the bar below."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(GROUND)
        painter.drawRoundedRect(self.rect(), 4, 4)
        left = (self.width() - self.length) / 2
        below = self.height() - PADDING - THICKNESS
        painter.fillRect(QRectF(left, below, self.length, THICKNESS), Qt.GlobalColor.white)
        painter.setPen(Qt.GlobalColor.white)
        above = QRectF(0, PADDING, self.width(), below - PADDING)
        painter.drawText(above, Qt.AlignmentFlag.AlignHCenter, self.words)
        painter.end()


SHARE_OF_VIEW = 3.0
"""The current box fills a third of the view."""

LARGEST_ZOOM = 12.0
"""Screen pixels an image pixel at most; a tiny box needs its surroundings."""

WHOLE_MARGIN = 0.03
"""Share of the view left free around the whole image."""

BRIGHTNESS_STEP = 1.25
"""Brightness is multiplied or divided by this with each press of a key."""

MOST_STEPS = 6
"""Steps of brightness up or down: from about a quarter to four."""


class ReviewImage(QObject):
    """One image at a time, in a layer that is made once and refilled.

    Gray and colour images need a layer each; the one not in use is hidden. Contrast is for the
    eye alone and stays from image to image; pixels and file are never changed.
    """

    notified = Signal(str)
    """Emitted with what a person should know; empty when there is nothing to say any more."""

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._image: ReadImage | None = None
        self._shown: ReadImage | None = None
        self._steps = 0
        self._is_awaited = False
        self._fitted_zoom = 0.0
        self.stretched = True
        self.local = False
        self.layers = {False: _layer("Image"), True: _layer("Image (colour)", rgb=True)}
        self.scale_bar = ScaleBar(viewer)
        self._contrast = LocalContrast(self)
        self._contrast.ready.connect(self._on_local_ready)
        self.destroyed.connect(self.scale_bar.deleteLater)
        viewer.canvas.events.size.connect(self._fit_again)

    @property
    def has_colours(self) -> bool:
        """Whether the image has colours, which have no contrast limits."""
        return self._image is not None and self._image.pixels.ndim == 3

    @property
    def layer(self) -> Image:
        """The layer in use."""
        return self.layers[self.has_colours]

    @property
    def gamma(self) -> float:
        """Exponent of the grays: 1 as they are, less than 1 brighter."""
        return float(BRIGHTNESS_STEP**-self._steps)

    def show(self, image: ReadImage) -> None:
        """Put another image in place of the one shown; the camera stays."""
        self._image = image
        self._update()
        self.scale_bar.set_pixel_size(image.nm_per_pixel)

    def prepare(self, image: ReadImage) -> None:
        """Get an image that may be shown next ready for the contrast that is set."""
        if self.local and image.pixels.ndim == 2:
            self._contrast.prepare(image)

    def hide(self) -> None:
        """Show no image."""
        self._image, self._shown = None, None
        self._await(False)
        self.scale_bar.set_pixel_size(None)
        for layer in self.layers.values():
            _set_visible(layer, False)

    def toggle_stretch(self) -> None:
        """Change between stretched contrast and the grays as they are stored."""
        if not self._refuses():
            self.stretched = not self.stretched
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
            self.local = not self.local
            self._update()

    def contrast_words(self) -> str:
        """The contrast that is set, such as "stretched, brightness 1.2, local"."""
        if self.has_colours:
            return "colours as they are"
        words = ["stretched" if self.stretched else "as stored"]
        if self._steps:
            words.append(f"brightness {1 / self.gamma:.2g}")
        if self.local:
            words.append("local")
        return ", ".join(words)

    def apply_contrast(self) -> None:
        """Show the image stretched or as it is; the pixels stay as they are."""
        if self._shown is None or self.has_colours:
            return
        limits = self._shown.stretched if self.stretched else self._shown.full
        _set_range(self.layer, self._shown)
        # napari draws anew at each setting, changed or not
        if tuple(self.layer.contrast_limits) != limits:
            self.layer.contrast_limits = limits
        if self.layer.gamma != self.gamma:
            self.layer.gamma = self.gamma

    def _refuses(self) -> bool:
        if self.has_colours:
            self.notified.emit(messages.COLOURS_AS_THEY_ARE)
        return self.has_colours

    def _step(self, by: int, at_end: str) -> None:
        if self._refuses():
            return
        if abs(self._steps + by) > MOST_STEPS:
            self.notified.emit(at_end)
            return
        self._steps += by
        self.apply_contrast()

    def _update(self) -> None:
        """Show the image in the contrast that is set, as it is while that is computed."""
        if self._image is None:
            return
        wanted = self.local and not self.has_colours
        copy = self._contrast.take(self._image) if wanted else None
        self._put(copy or self._image)
        self._await(wanted and copy is None)
        if self._is_awaited:
            self._contrast.ask(self._image)

    def _await(self, is_awaited: bool) -> None:
        before, self._is_awaited = self._is_awaited, is_awaited
        if is_awaited or before:
            self.notified.emit(messages.COMPUTING if is_awaited else "")

    def _on_local_ready(self, image: ReadImage) -> None:
        if image is not self._image or not self.local:
            return
        self._await(False)
        copy = self._contrast.take(image)
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
        """Centre a box and zoom until it fills about a third of the view."""
        x1, y1, x2, y2 = box.corners
        height, width = self._viewer.canvas.size
        zoom = min(width / max(x2 - x1, 1), height / max(y2 - y1, 1)) / SHARE_OF_VIEW
        camera = self._viewer.scene.camera
        camera.center = ((y1 + y2) / 2, (x1 + x2) / 2)
        camera.zoom = max(min(zoom, LARGEST_ZOOM), self._whole_zoom())

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
        height, width = self._image.pixels.shape[:2]
        canvas_height, canvas_width = self._viewer.canvas.size
        fitting = min(canvas_height / height, canvas_width / width)
        return float((1 - WHOLE_MARGIN) * fitting)


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
    )

"""Keys by their place on the keyboard, for layouts whose letters are not Latin ones.

On a Russian, Greek or Hebrew keyboard the key in the place of K acts as K. Signs count by their
place there too, since such layouts put them on other keys.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from qtpy.QtCore import QLocale, Qt
from qtpy.QtGui import QGuiApplication, QKeyEvent

LINUX: Mapping[int, str] = {
    **dict(enumerate("1234567890", start=2)),
    **dict(enumerate("QWERTYUIOP", start=16)),
    **dict(enumerate("ASDFGHJKL", start=30)),
    **dict(enumerate("ZXCVBNM,./", start=44)),
}
"""What a Latin keyboard has at a place, by the codes of Linux, which are those of Windows too."""

X11_OFFSET = 8
"""X11 and Wayland count from here."""

MAC: Mapping[int, str] = {
    **dict(enumerate("ASDFHGZXCV")),
    **dict(enumerate("BQWERYT123465", start=11)),
    **dict(zip((25, 26, 28, 29, 31, 32, 34, 35, 37), "9780OUIPL", strict=True)),
    **dict(zip((38, 40, 43, 44, 45, 46, 47), "JK,/NM.", strict=True)),
}
"""The same by the virtual codes of macOS."""


def latin_key(event: QKeyEvent, platform: str) -> Qt.Key | None:
    """What a Latin keyboard has at the place of a key; None where no such key is known.

    `platform` is Qt's name of the window system.
    """
    if platform == "cocoa":
        sign = MAC.get(event.nativeVirtualKey())
    else:
        offset = 0 if platform == "windows" else X11_OFFSET
        sign = LINUX.get(event.nativeScanCode() - offset)
    return None if sign is None else Qt.Key(ord(sign))


class Places:
    """Knows from the letters typed whether the layout is a Latin one."""

    def __init__(self) -> None:
        script = QGuiApplication.inputMethod().locale().script()
        self._is_latin = script in (QLocale.Script.LatinScript, QLocale.Script.AnyScript)

    def key(self, event: QKeyEvent) -> Qt.Key | None:
        """The Latin key at the place of the one pressed; None where that is a Latin one itself."""
        code = event.key()
        letter = chr(code) if code < Qt.Key.Key_Escape else ""
        if letter.isalpha():
            self._is_latin = unicodedata.name(letter, "").startswith("LATIN")
        if self._is_latin or not letter:
            return None
        return latin_key(event, QGuiApplication.platformName())

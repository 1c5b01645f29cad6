"""Which presses of keys a person made: one press is one, however often it is reported.

Most computers report a key that is held again and again, and say so. Remote desktops and busy
ones report further presses that look like any other: without a release between them, or with one
that came at the same moment.
"""

from __future__ import annotations

from dataclasses import dataclass

BOUNCE_MS = 25
"""No finger lets a key go and presses it again within this time."""

FORGOTTEN_MS = 1500
"""A key that reports nothing for so long is held no more; its release went elsewhere."""


@dataclass
class _Key:
    is_down: bool = False
    pressed: int = 0
    released: int | None = None


class Presses:
    """Tells the first press of a key from its repetitions; times are in ms, 0 where unknown."""

    def __init__(self) -> None:
        self._keys: dict[int, _Key] = {}

    def is_new(self, key: int, time: int, is_repeat: bool = False) -> bool:
        """Note that a key is reported as pressed; whether a finger has pressed it."""
        known = self._keys.setdefault(key, _Key())
        held = known.is_down and (not time or time - known.pressed < FORGOTTEN_MS)
        bounced = bool(time and known.released and time - known.released < BOUNCE_MS)
        known.is_down, known.pressed = True, time
        return not (is_repeat or held or bounced)

    def release(self, key: int, time: int, is_repeat: bool = False) -> None:
        """Note that a key is reported as let go."""
        known = self._keys.setdefault(key, _Key())
        known.released = time
        known.is_down = is_repeat

    def forget(self) -> None:
        """Take no key for held: what happens to them is told to another window."""
        self._keys.clear()

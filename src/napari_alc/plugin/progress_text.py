"""Progress as a person reads it: what is being done, how far it is, the time left."""

from __future__ import annotations

from napari_alc.execution.progress import JOB_SECONDS_LEFT, JOB_SHARE
from napari_alc.progress import Progress
from napari_alc.wording import duration

STEPS = 1000
"""Steps of a bar that shows the share of a whole job."""

NAMES = {
    "train mp": "Training the detector Mp",
    "train ma": "Training the detector Ma",
    "predict mp": "Mp looks at the images",
    "predict ma": "Ma looks at the images",
}
"""Steps as they report themselves, in plain words."""


def bar_position(progress: Progress) -> tuple[int, int]:
    """Where a bar stands and how long it is: of the whole job where that is known."""
    share = progress.values.get(JOB_SHARE)
    if share is None:
        return progress.done, max(progress.total, 1)
    return round(share * STEPS), STEPS


def activity_words(title: str, progress: Progress) -> str:
    """What napari's activity dock says of a job."""
    left = time_left(progress)
    return ", ".join(part for part in (title or progress.step, left) if part)


def step_words(progress: Progress) -> str:
    """What is being done, without the time it takes."""
    # A training tells its own time left; the bar tells that of the whole job.
    message = progress.message
    if JOB_SHARE in progress.values:
        message = message.partition(", about ")[0]
    name = NAMES.get(progress.step, "")
    return ": ".join(part for part in (name, message) if part) or progress.step


def time_left(progress: Progress) -> str:
    """The time to the end of the whole job, in words; empty where it is not known."""
    seconds = progress.values.get(JOB_SECONDS_LEFT)
    return "" if seconds is None else f"{duration(seconds)} left"

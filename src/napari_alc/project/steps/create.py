"""Making a project from an image folder and crowd labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from napari_alc.cleaning.loop import first_draw
from napari_alc.detection.settings import NEWEST_RECIPE, DetectorSettings
from napari_alc.errors import BadData, Cancelled
from napari_alc.formats.images import image_size, is_turned
from napari_alc.formats.reading import aligned, require_images
from napari_alc.labels import ImageRecord, LabelSet
from napari_alc.progress import Progress, Report, ShouldStop, never, silent
from napari_alc.project.annotation.decisions import import_labels
from napari_alc.project.annotation.tasks import INITIAL_DRAW, add_tasks
from napari_alc.project.locks import LOCK_FILES, locked
from napari_alc.project.project import Project, relative
from napari_alc.project.settings import (
    SETTINGS_FILE,
    MethodSettings,
    ProjectSettings,
    write_settings,
)
from napari_alc.project.storage.boxes import AWAITED
from napari_alc.project.storage.database import Database
from napari_alc.project.storage.image_files import fingerprint
from napari_alc.project.storage.records import BoxSource, EventKind, ImageRole
from napari_alc.wording import counted, form

CleanUse = Literal["validation", "initial"]


@dataclass(frozen=True)
class Sources:
    """What a project is made of, and where it was read from.

    Clean labels, by pathologists, exist already. For ``"validation"`` their images are set apart to
    watch the detectors and to find tau; for ``"initial"`` their images are X^0, already labelled.
    Files of images that are `awaited`, by name, are still to come: only a sample's are.
    """

    images: Path
    crowd: LabelSet
    crowd_path: Path
    clean: LabelSet | None = None
    clean_path: Path = Path("clean labels")
    clean_use: CleanUse = "validation"
    awaited: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CreateOptions:
    """Settings of a new project."""

    method: MethodSettings = field(default_factory=MethodSettings)
    detector: DetectorSettings = field(
        default_factory=lambda: DetectorSettings(recipe=NEWEST_RECIPE)
    )
    database: str = ""


def create_project(
    folder: Path,
    sources: Sources,
    options: CreateOptions | None = None,
    report: Report = silent,
    should_stop: ShouldStop = never,
) -> Project:
    """Make a project and draw X^0, the first images for the pathologists.

    Raises
    ------
    BadData
        When the folder holds a project already, an image is absent, unreadable or of
        another size than its labels say, or there are too few images. Nothing is left
        behind then.
    """
    options = options or CreateOptions()
    folder = Path(folder).resolve()
    if (folder / SETTINGS_FILE).exists():
        raise BadData(folder, "there is a project already", "Open it, or choose another folder")
    sources = _with_one_numbering(sources)
    images = _images(sources)
    fingerprints = _inspect(sources, images, report, should_stop)
    with _alone_in(folder):
        return _write(folder, sources, options, images, fingerprints)


def turned_words(sources: Sources) -> list[str]:
    """That images are not turned as their files say, in a sentence; none where there are none.

    Raises
    ------
    BadData
        When an image cannot be read.
    """
    listed = (sources.crowd, *([sources.clean] if sources.clean else []))
    names = {image.file_name for labels in listed for image in labels.images}
    paths = (sources.images / name for name in sorted(names))
    number = sum(path.is_file() and is_turned(path) for path in paths)
    return [f"{counted(number, 'image')} {form(number, *CARRY)}"] if number else []


CARRY = ("carries an orientation that is not applied.", "carry an orientation that is not applied.")


def _with_one_numbering(sources: Sources) -> Sources:
    """The sources with ids that mean the same in all of them."""
    _require_distinct_names(sources.crowd, sources.crowd_path)
    if sources.clean is None:
        return sources
    _require_distinct_names(sources.clean, sources.clean_path)
    if not sources.clean.images:
        raise BadData(sources.clean_path, "lists no image", "Choose labels that list images")
    if sources.clean_use == "initial":
        require_images(sources.crowd, sources.clean, sources.clean_path, "the crowd's labels")
    return replace(sources, clean=aligned(sources.crowd, sources.clean, sources.clean_path))


def _require_distinct_names(label_set: LabelSet, path: Path) -> None:
    """Refuse labels in which two images, or two categories, share a name."""
    named = {
        "image": [(image.file_name, image.id) for image in label_set.images],
        "category": [(category.name, category.id) for category in label_set.categories],
    }
    for kind, records in named.items():
        first: dict[str, int] = {}
        for name, number in records:
            if first.setdefault(name, number) != number:
                raise BadData(
                    path,
                    f"lists the {kind} '{name}' twice, with the ids {first[name]} and {number}",
                    "Keep one of them, with the boxes of both",
                )


def _images(sources: Sources) -> dict[ImageRole, tuple[ImageRecord, ...]]:
    """The images by role."""
    clean = sources.clean.images if sources.clean else ()
    if sources.clean_use == "initial":
        return {ImageRole.TRAIN: sources.crowd.images, ImageRole.VALIDATION: ()}
    validation = {image.id for image in clean}
    train = tuple(image for image in sources.crowd.images if image.id not in validation)
    return {ImageRole.TRAIN: train, ImageRole.VALIDATION: clean}


def _inspect(
    sources: Sources,
    images: Mapping[ImageRole, Sequence[ImageRecord]],
    report: Report,
    should_stop: ShouldStop,
) -> dict[int, str]:
    """Fingerprint of every image, once it is known to be there and of the size expected.

    Nothing is asked of images that are awaited.
    """
    records = [image for role in images.values() for image in role]
    if not images[ImageRole.TRAIN]:
        listed = "lists only images that are set apart by the clean labels"
        raise BadData(
            sources.crowd_path,
            listed if sources.crowd.images else "lists no image to clean",
            "Choose labels that list images to clean",
        )
    found = {}
    for done, image in enumerate(records, start=1):
        if should_stop():
            raise Cancelled("Creating the project")
        found[image.id] = _fingerprint(sources, image)
        report(Progress("create", done, len(records), f"Looking at {image.file_name}"))
    return found


def _fingerprint(sources: Sources, image: ImageRecord) -> str:
    if image.file_name in sources.awaited:
        return AWAITED
    path = sources.images / image.file_name
    if not path.is_file():
        raise BadData(
            path,
            f"the image is listed in {sources.crowd_path.name} but absent",
            "Add the image to the folder, or take it out of the labels",
        )
    width, height = image_size(path)
    if (width, height) != (image.width, image.height):
        raise BadData(
            path,
            f"the image is {width}×{height} pixels, its labels say {image.width}×{image.height}",
            "Use the labels made for this image, or the image they were made for",
        )
    return fingerprint(path)


def _write(
    folder: Path,
    sources: Sources,
    options: CreateOptions,
    images: Mapping[ImageRole, Sequence[ImageRecord]],
    fingerprints: Mapping[int, str],
) -> Project:
    settings = ProjectSettings(
        images=relative(sources.images.resolve(), folder),
        database=options.database,
        method=fitting(_started(options.method, sources), len(images[ImageRole.TRAIN])),
        detector=options.detector,
    )
    store = Database(folder, options.database)
    project = Project(folder, settings, store)
    with ExitStack() as undo:
        undo.callback(store.close)
        store.create()
        undo.callback(store.drop)
        _fill(project, sources, images, fingerprints)
        _first_tasks(project, sources)
        store.seal()
        # The settings come last: a folder without them is no project.
        write_settings(folder, settings)
        undo.pop_all()
    return project


def _started(method: MethodSettings, sources: Sources) -> MethodSettings:
    """X^0 as large as it is where it was labelled already."""
    if sources.clean is None or sources.clean_use == "validation":
        return method
    return method.changed(initial=len(sources.clean.images))


def fitting(method: MethodSettings, images: int) -> MethodSettings:
    """X^0 and k no larger than there are images."""
    return method.changed(
        initial=min(method.initial, images), per_iteration=min(method.per_iteration, images)
    )


def _fill(
    project: Project,
    sources: Sources,
    images: Mapping[ImageRole, Sequence[ImageRecord]],
    fingerprints: Mapping[int, str],
) -> None:
    with project.store.transaction() as unit:
        categories = {c.id: c for s in (sources.crowd, sources.clean) if s for c in s.categories}
        unit.images.add_categories(categories.values())
        for role, records in images.items():
            unit.images.add(records, role, fingerprints)
        train = [image.id for image in images[ImageRole.TRAIN]]
        unit.boxes.add_given(sources.crowd.of_images(train).labels, BoxSource.CROWD)
        if sources.clean is not None and images[ImageRole.VALIDATION]:
            unit.boxes.add_given(sources.clean.labels, BoxSource.CLEAN)
        count = sum(map(len, images.values()))
        details = {"images": count, "crowd_boxes": len(sources.crowd.labels)}
        unit.events.add(EventKind.CREATE, None, details)


def _first_tasks(project: Project, sources: Sources) -> None:
    """X^0: the images that were labelled already, or a random draw."""
    if sources.clean is not None and sources.clean_use == "initial":
        ids = [image.id for image in sources.clean.images]
        add_tasks(project, ids, INITIAL_DRAW)
        import_labels(project, sources.clean)
        return
    method = project.settings.method
    drawn = first_draw((image.id for image in project.images()), method.initial, method.seed)
    add_tasks(project, drawn, INITIAL_DRAW)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Make the project's folder and lock it; should the block fail, nothing new is left."""
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    own_locks = [file for name in LOCK_FILES if not (file := folder / name).exists()]
    is_locked = False
    try:
        _make(folder)
        with locked(folder, "create"):
            is_locked = True
            with _without_leftovers(folder):
                yield
    except BaseException:
        for lock in own_locks if is_locked else ():
            lock.unlink(missing_ok=True)
        for place in new:
            with suppress(OSError):  # Somebody else has put something there.
                place.rmdir()
        raise


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadData(
            folder, f"cannot be made ({error.strerror})", "Choose another place"
        ) from error


@contextmanager
def _without_leftovers(folder: Path) -> Iterator[None]:
    before = set(folder.iterdir())
    try:
        yield
    except BaseException:
        for file in set(folder.iterdir()) - before:
            file.unlink(missing_ok=True)
        raise

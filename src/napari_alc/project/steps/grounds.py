"""What the automatic correction rests on: how well the models find objects, what was audited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from napari_alc.project.project import MODELS, Project
from napari_alc.project.status import run_of, status
from napari_alc.project.steps.audit import MISS, OF_BOXES, Audit, result
from napari_alc.project.steps.train import VALIDATION_AP50
from napari_alc.wording import AP50_MEANS, MODEL_NAMES, counted, listed

POOR_AP50 = 50.0
"""AP50 below this is poor: such a model overlooks or invents about as many objects as it finds.

Where two such models agree they may well agree on the same mistake. The limit is ours, not the
paper's; its detectors reach 70 and more.
"""

NOT_AUDITED = "Quality of the correction: not audited."

ERRS_MORE = (
    "In these images the correction would leave at least as many errors as the crowd made. Let "
    "pathologists review more images first."
)


@dataclass(frozen=True)
class Grounds:
    """AP50 of the models that correct, None where it was not measured, and the newest audit."""

    ap50: Mapping[str, float | None]
    audit: Audit | None

    @property
    def poor(self) -> tuple[str, ...]:
        """The models whose AP50 is below `POOR_AP50`."""
        return tuple(m for m, value in self.ap50.items() if value is not None and value < POOR_AP50)

    @property
    def is_measured(self) -> bool:
        """Whether AP50 of every model is known."""
        return None not in self.ap50.values()

    @property
    def is_audited(self) -> bool:
        """Whether an audit has judged what the correction makes of some images."""
        return self.audit is not None and bool(self.audit.corrected)

    @property
    def sentences(self) -> tuple[str, str]:
        """The numbers: AP50 of the models, and what the audit found."""
        return _ap50_words(self.ap50), _audit_words(self.audit)

    @property
    def advice(self) -> str:
        """What to do before the correction, and why; empty where nothing speaks against it."""
        if self.audit is not None and self.is_audited:
            return ERRS_MORE if _errs_more(self.audit) else ""
        why = _doubts(self)
        return f"An audit is recommended before the correction: {why}. {HOW}" if why else ""

    @property
    def caveat(self) -> str:
        """What a claim that rests on these models has to be read with; empty where nothing."""
        doubts = [*filter(None, [_doubts(self)]), *([] if self.is_audited else [NO_AUDIT_DONE])]
        rests = "to be read with caution, as it rests on the models"
        return f"{rests}: {listed(doubts)}" if doubts else ""


HOW = (
    "'Go on or stop?' sends random images to the pathologist and then tells how many of its labels "
    "would be wrong."
)

NO_AUDIT_DONE = "no audit has judged what they make of the labels"


def grounds(project: Project) -> Grounds:
    """What a correction with the newest models rests on, or rested on where it is done.

    Raises
    ------
    AlcError
        When the project cannot be read.
    """
    iteration = status(project).iteration
    return Grounds({m: _ap50(project, iteration, m) for m in MODELS}, result(project))


def _ap50(project: Project, iteration: int, model: str) -> float | None:
    run = run_of(project, iteration, model)
    value = None if run is None else run.metric(VALIDATION_AP50)
    return None if value is None else float(value)


def _ap50_words(ap50: Mapping[str, float | None]) -> str:
    known = [f"{MODEL_NAMES[m]} {value:.1f}" for m, value in ap50.items() if value is not None]
    if not known:
        return f"AP50 of the models: not measured ({AP50_MEANS.partition(': ')[2]})."
    return f"On the validation images: {listed(known)} AP50 ({AP50_MEANS.partition(': ')[2]})."


def _audit_words(audit: Audit | None) -> str:
    if audit is None or not audit.corrected:
        return NOT_AUDITED
    wrong = sum(audit.corrected[kind].count for kind in OF_BOXES)
    labels, missed = audit.corrected[OF_BOXES[0]].of, audit.corrected[MISS]
    return (
        f"Audited after iteration {audit.iteration}: in {counted(audit.images, 'image')} drawn by "
        f"chance the correction would get {wrong:,} of {labels:,} labels wrong and overlook "
        f"{missed.count:,} of {missed.of:,} objects."
    )


def _doubts(found: Grounds) -> str:
    """Why the models are not to be relied on; empty where their AP50 is known and not poor."""
    if found.poor:
        values = [f"{MODEL_NAMES[m]} has {found.ap50[m]:.1f}" for m in found.poor]
        return f"AP50 below {POOR_AP50:.0f} is poor, and {listed(values)}"
    return "" if found.is_measured else "nobody knows how well they find objects (no AP50)"


def _errs_more(audit: Audit) -> bool:
    before, after = (
        sum(share.count for share in shares.values()) for shares in (audit.noise, audit.corrected)
    )
    return 0 < before <= after

"""Models of settings that refuse what does not fit, and what was wrong in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WrapValidator
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ValidatorFunctionWrapHandler

from napari_alc.errors import AlcError, BadData


def _as_given(value: object, check: ValidatorFunctionWrapHandler) -> object:
    check(value)
    return value


# pydantic turns 1 into 1.0. Fingerprints of trainings are made of the settings as JSON, so a
# weight decay written as 0 has to stay 0, or a detector that is there would be trained again.
Number = Annotated[float, WrapValidator(_as_given)]
"""A finite number; a whole one stays an int."""

Positive = Annotated[int, Field(ge=1)]
"""A whole number, 1 or more."""

Share = Annotated[Number, Field(ge=0, le=1)]
"""A number in 0–1."""


class SettingsModel(BaseModel):
    """Settings that cannot change, know their names, and take no value for another kind's."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def parse(cls, values: Mapping[str, object]) -> Self:
        """The settings that somebody gave by name.

        Raises
        ------
        AlcError
            When a name is unknown, or a value is of another kind or out of its range.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise AlcError(f"{problem_of(error)}.") from error

    def changed(self, **values: object) -> Self:
        """A copy with other values, which are checked as the first ones were."""
        return self.model_validate({**self.given, **values})

    @property
    def given(self) -> dict[str, Any]:
        """What was given, by name; the rest is left to the defaults."""
        return self.model_dump(exclude_unset=True, exclude_none=True)


_KINDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "finite_number": "a finite number",
    "literal_error": "{expected}",
    "greater_than_equal": "{ge} or more",
    "greater_than": "above {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "below {lt}",
}
"""What a value has to be, by pydantic's name of the error and with its numbers."""

_REMEDIES = {
    "extra_forbidden": "Remove the line",
    "missing": 'Set {name} = "…" in the file',
    "model_type": "Write its values under a line [{name}]",
}


def problem_of(error: ValidationError) -> str:
    """The first thing that is wrong: its name and its section if it has one, no full stop."""
    first = error.errors()[0]
    *sections, name = first["loc"]
    section = "".join(f"[{part}] " for part in sections)
    match first["type"]:
        case "extra_forbidden" if section:
            return f"{section}has an unknown setting '{name}'"
        case "extra_forbidden":
            return f"'{name}' is an unknown setting"
        case "missing":
            return f"{section}'{name}' is missing"
        case "model_type":
            return f"'{name}' is no section"
    return f"{section}{name} must be {_wanted(first)}, not {first['input']!r}"


def _wanted(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    # A validator of our own says in its ValueError what the value has to be.
    return _KINDS.get(error["type"], "{error}").format(**context)


def bad_settings(path: Path, error: ValidationError) -> BadData:
    """The refusal of a file of settings, naming its first wrong line."""
    first = error.errors()[0]
    remedy = _REMEDIES.get(first["type"], "Correct the line").format(name=first["loc"][-1])
    return BadData(path, problem_of(error), remedy)

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_alc.cleaning.budget import Costs
from napari_alc.cleaning.selection import STRATEGIES
from napari_alc.errors import BadData
from napari_alc.project.settings import (
    FORMAT,
    LARGEST_SEED,
    SETTINGS_FILE,
    MethodSettings,
    ProjectSettings,
    read_settings,
    write_settings,
)

share = st.floats(0, 1)
methods = st.builds(
    MethodSettings,
    initial=st.integers(1, 10**6),
    per_iteration=st.integers(1, 10**6),
    iterations=st.integers(0, 10**6),
    strategy=st.sampled_from(sorted(STRATEGIES)),
    iou=share,
    gamma=share,
    delta=share,
    tau=st.floats(-1, 1),
    seed=st.integers(0, LARGEST_SEED),
)
everything = st.builds(
    ProjectSettings,
    images=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])),
    method=methods,
    costs=st.builds(
        Costs,
        crowd=st.floats(0, 1e9),
        pathologist=st.floats(1e-6, 1e9),
        readers=st.integers(1, 9),
    ),
    detector=st.fixed_dictionaries(
        {}, optional={"preset": st.just("resnet50"), "iterations": st.integers(1, 9)}
    ),
)


@settings(max_examples=15)
@given(everything)
def test_settings_come_back_as_they_were_written(given):
    with TemporaryDirectory() as folder:
        write_settings(Path(folder), given)
        assert read_settings(Path(folder)) == given


def written(folder: Path, text: str) -> Path:
    (folder / SETTINGS_FILE).write_text(text, encoding="utf-8")
    return folder


WRONG = {
    f"format = {FORMAT + 1}\nimages = 'a'": "made by a newer napari-alc.*Update",
    "images = 'a'": "'format' is missing",
    "format = '1'\nimages = 'a'": "'format' is missing or no number",
    "format = true\nimages = 'a'": "'format' is missing or no number",
    "format = 1": "'images' is missing",
    "format = 1\nimages = 3": "'images' is missing or no text",
    "format = 1\nimages = 'a'\nmethod = 3": "'method' is no section",
    "format = 1\nimages = 'a'\n[method]\nk = 3": r"\[method\] has an unknown setting 'k'",
    "format = 1\nimages = 'a'\n[method]\ninitial = 2.5": "initial is 2.5, not a whole number",
    "format = 1\nimages = 'a'\n[method]\ninitial = '4'": "initial is '4', not a whole number",
    "format = 1\nimages = 'a'\n[method]\ninitial = 0": "initial and per_iteration must be 1",
    "format = 1\nimages = 'a'\n[method]\ndelta = nan": "delta is nan, not a number",
    "format = 1\nimages = 'a'\n[method]\ntau = true": "tau is True, not a number",
    "format = 1\nimages = 'a'\n[method]\ntau = 2": "tau must be at most 1",
    "format = 1\nimages = 'a'\n[method]\ngamma = 1.5": "gamma must lie in 0–1",
    "format = 1\nimages = 'a'\n[method]\nseed = -1": "seed must lie in",
    "format = 1\nimages = 'a'\n[method]\nstrategy = 'best'": "strategy 'best' is unknown",
    "format = 1\nimages = 'a'\n[costs]\nreaders = 0": "readers 1 or more",
    "format = 1\nimages = 'a'\n[detector]\nspeed = 1": "'speed' is not a detector setting",
    "format = 1\nimages = 'a'\n[detector]\niterations = 0": "iterations must be 1 or more",
    "format = 1\nimages = 'a": "cannot be read",
    "\x00\x01": "cannot be read",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_line_is_named(tmp_path, text):
    with pytest.raises(BadData, match=WRONG[text]) as refused:
        read_settings(written(tmp_path, text))
    assert str(refused.value).startswith(str(tmp_path / SETTINGS_FILE))
    assert "\n" not in str(refused.value)


def test_a_binary_file_is_no_project(tmp_path):
    (tmp_path / SETTINGS_FILE).write_bytes(bytes(range(256)))
    with pytest.raises(BadData, match="cannot be read"):
        read_settings(tmp_path)


def test_a_folder_without_settings_is_no_project(tmp_path):
    with pytest.raises(BadData, match="no napari-alc project here"):
        read_settings(tmp_path)

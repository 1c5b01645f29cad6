from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_alc.cleaning.selection import STRATEGIES
from napari_alc.errors import AlcError, BadData
from napari_alc.project.settings import (
    FORMAT,
    LARGEST_SEED,
    SETTINGS_FILE,
    CostSettings,
    MethodSettings,
    ProjectSettings,
    change_settings,
    read_settings,
    write_settings,
)
from tiny_projects import make_project

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
        CostSettings,
        crowd=st.floats(0, 1e9),
        pathologist=st.floats(1e-6, 1e9),
        readers=st.integers(1, 9),
    ),
    detector=st.fixed_dictionaries(
        {}, optional={"preset": st.just("resnet50"), "iterations": st.integers(1, 9)}
    ),
    cluster=st.sampled_from([{}, {"address": "tcp://host:8786"}]),
)


@settings(max_examples=15)
@given(everything)
def test_settings_come_back_as_they_were_written(given):
    with TemporaryDirectory() as folder:
        write_settings(Path(folder), given)
        found = read_settings(Path(folder))
        assert (found, found.detector.given) == (given, given.detector.given)


def written(folder: Path, text: str) -> Path:
    (folder / SETTINGS_FILE).write_text(text, encoding="utf-8")
    return folder


WRONG = {
    f"format = {FORMAT + 1}\nimages = 'a'": "made by a newer napari-alc.*Update",
    "images = 'a'": "'format' is missing",
    "format = '1'\nimages = 'a'": "'format' is missing or no number",
    "format = true\nimages = 'a'": "'format' is missing or no number",
    "format = 1": "'images' is missing",
    "format = 1\nimages = 3": "images must be a text, not 3",
    "format = 1\nimages = 'a'\nlabels = 'b'": "'labels' is an unknown setting. Remove the line",
    "format = 1\nimages = 'a'\nmethod = 3": "'method' is no section",
    "format = 1\nimages = 'a'\n[method]\nk = 3": r"\[method\] has an unknown setting 'k'",
    "format = 1\nimages = 'a'\n[method]\ninitial = 2.5": "initial must be a whole number, not 2.5",
    "format = 1\nimages = 'a'\n[method]\ninitial = '4'": "initial must be a whole number, not '4'",
    "format = 1\nimages = 'a'\n[method]\ninitial = 0": "initial must be 1 or more, not 0",
    "format = 1\nimages = 'a'\n[method]\ndelta = nan": "delta must be a finite number, not nan",
    "format = 1\nimages = 'a'\n[method]\ntau = true": "tau must be a number, not True",
    "format = 1\nimages = 'a'\n[method]\ntau = 2": "tau must be at most 1",
    "format = 1\nimages = 'a'\n[method]\ngamma = 1.5": "gamma must be at most 1, not 1.5",
    "format = 1\nimages = 'a'\n[method]\nseed = -1": "seed must be 0 or more, not -1",
    "format = 1\nimages = 'a'\n[method]\nmatching = 'twice'": "'existential' or 'one-to-one'",
    "format = 1\nimages = 'a'\n[method]\ngreen_score_from_all = 1": "must be true or false, not 1",
    "format = 1\nimages = 'a'\n[method]\nstrategy = 'best'": "must be one of score, .*, not 'best'",
    f"format = 1\nimages = 'a'\n[method]\nseed = {LARGEST_SEED + 1}": "at most 4294967295",
    "format = 1\nimages = 'a'\n[costs]\ncrowd = -0.1": "crowd must be 0 or more, not -0.1",
    "format = 1\nimages = 'a'\n[costs]\npathologist = 0": "pathologist must be above 0, not 0",
    "format = 1\nimages = 'a'\n[costs]\nreaders = 0": r"\[costs\] readers must be 1 or more, not 0",
    "format = 1\nimages = 'a'\n[detector]\nspeed = 1": r"\[detector\] has an unknown setting",
    "format = 1\nimages = 'a'\n[detector]\niterations = 0": "iterations must be 1 or more",
    "format = 1\nimages = 'a": "cannot be read",
    "format = 1\nimages = 'a'\ncluster = 'host'": "'cluster' is no section",
    "format = 1\nimages = 'a'\n[cluster]\naddress = 3": "address must be a text, not 3",
    "format = 1\nimages = 'a'\n[cluster]\nworkers = 3": r"\[cluster\] has an unknown setting",
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


OLD = """\
# of the kidney study; ask Ada before changing
format = 1
images = "../images"

[detector]
preset = "compact"  # the laptop's
iterations = 300

[method]
# k
per_iteration = 5
"""


AS_BEFORE_PYDANTIC = """\
format = 1
images = "../images"
database = ""

[method]
initial = 5
per_iteration = 5
iterations = 2
strategy = "score"
iou = 0.5
gamma = 0.8
delta = 0.5
tau = -1.0
seed = 7
matching = "existential"
gray_without_mp = "ma"
green_argmax = "overlapping"
green_score_from_all = true

[costs]
crowd = 1.0
pathologist = 12
readers = 3

[detector]
preset = "compact"
iterations = 60
learning_rate = 1
weights = "none"
threads = 1

[cluster]
address = ""
"""
"""Written by this program when its settings were dataclasses, with two numbers by hand."""


def test_a_file_that_was_written_before_is_read_and_written_alike(tmp_path):
    found = read_settings(written(tmp_path, AS_BEFORE_PYDANTIC))
    write_settings(tmp_path, found)
    assert (tmp_path / SETTINGS_FILE).read_text(encoding="utf-8") == AS_BEFORE_PYDANTIC
    assert json.dumps(found.seeded_detector.learning_rate) == "1"  # enters fingerprints


def test_the_detector_has_the_methods_seed_unless_it_has_its_own(tmp_path):
    assert read_settings(written(tmp_path, AS_BEFORE_PYDANTIC)).seeded_detector.seed == 7
    own = AS_BEFORE_PYDANTIC.replace("threads = 1", "seed = 0")
    assert read_settings(written(tmp_path, own)).seeded_detector.seed == 0


def test_settings_of_an_older_program_have_no_cluster(tmp_path):
    assert read_settings(written(tmp_path, OLD)).cluster.address == ""


def test_a_change_keeps_the_lines_around_it(tmp_path):
    changed = change_settings(
        written(tmp_path, OLD), method={"per_iteration": 7}, detector={"iterations": 400}
    )
    expected = OLD.replace("= 5", "= 7").replace("= 300", "= 400")
    assert (tmp_path / SETTINGS_FILE).read_text(encoding="utf-8") == expected
    assert changed == read_settings(tmp_path)


def test_a_value_taken_away_leaves_the_presets_own(tmp_path):
    changed = change_settings(written(tmp_path, OLD), detector={"iterations": None, "epochs": None})
    assert changed.detector.given == {"preset": "compact"}
    assert "# the laptop's" in (tmp_path / SETTINGS_FILE).read_text(encoding="utf-8")


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "  # the end"])
def test_sections_that_are_missing_are_added(tmp_path, end):
    text = f'format = 1\nimages = "a"{end}'
    change_settings(
        written(tmp_path, text), method={"tau": 0.4}, detector={"seed": 3}, cluster="tcp://h:1"
    )
    found = read_settings(tmp_path)
    assert (found.method.tau, found.detector.given, found.cluster.address) == (
        0.4,
        {"seed": 3},
        "tcp://h:1",
    )
    assert (tmp_path / SETTINGS_FILE).read_text(encoding="utf-8").startswith(text.rstrip("\n"))


def test_an_open_project_goes_on_with_what_was_changed(tmp_path):
    project = make_project(tmp_path)
    project.change(method={"per_iteration": 9}, cluster="tcp://h:1")
    with pytest.raises(AlcError, match="epochs"):
        project.change(detector={"epochs": 0})
    assert project.settings == read_settings(project.folder)
    assert (project.settings.method.per_iteration, project.settings.cluster.address) == (
        9,
        "tcp://h:1",
    )
    project.close()


REFUSED = {
    "tau must be at most 1": {"method": {"tau": 2.0}},
    "strategy must be one of": {"method": {"strategy": "best"}},
    "unknown setting 'k'": {"method": {"k": 3}},
    "batch_size must be 1 or more": {"detector": {"batch_size": 0}},
    "must be a whole number": {"detector": {"epochs": 2.5}},
}


@pytest.mark.parametrize("words", REFUSED)
def test_a_wrong_change_is_refused_and_the_file_stays(tmp_path, words):
    with pytest.raises(AlcError, match=words) as refused:
        change_settings(written(tmp_path, OLD), cluster="tcp://h:1", **REFUSED[words])
    assert not isinstance(refused.value, BadData)
    assert (tmp_path / SETTINGS_FILE).read_text(encoding="utf-8") == OLD


def test_a_file_that_is_wrong_already_is_named_and_not_touched(tmp_path):
    text = OLD.replace("= 5", "= 0")
    with pytest.raises(BadData, match=r"project\.toml"):
        change_settings(written(tmp_path, text), method={"per_iteration": 7})
    assert (tmp_path / SETTINGS_FILE).read_text(encoding="utf-8") == text


@settings(max_examples=15)
@given(everything, methods)
def test_changing_every_number_of_the_method_gives_what_writing_gives(given, method):
    with TemporaryDirectory() as folder:
        write_settings(Path(folder), given)
        changed = change_settings(Path(folder), method=method.model_dump(), cluster="tcp://h:1")
        assert changed == given.changed(method=method, cluster={"address": "tcp://h:1"})

"""What README and docs/ say of keys, commands, settings and tables is what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from napari_alc.cli import app
from napari_alc.detection.settings import DetectorSettings
from napari_alc.project.storage import schema

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def keys_in(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`([^`]+)`", cell))


def test_the_table_of_keys_is_that_of_the_review():
    from napari_alc.plugin.review.commands import CATEGORY_COMMANDS, COMMANDS, KEY_SETS, NUDGES

    row = r"^\| (`[^|]*`) \|([^|]*)\| ([^|]+) \|[^|]*\|$"
    rows = re.findall(row, text_of("README.md"), re.MULTILINE)
    told = [(label, keys_in(keys), keys_in(left) or keys_in(keys)) for keys, left, label in rows]
    in_one_row = {*NUDGES, *CATEGORY_COMMANDS}
    grouped = [key for name in in_one_row for key in COMMANDS[name].keys]
    assert [row for row in told if row[1][0] not in grouped] == [
        (command.label, *(keys[name] for keys in KEY_SETS.values()))
        for name, command in COMMANDS.items()
        if name not in in_one_row
    ]
    assert all(keys == left for _, keys, left in told if keys[0] in grouped)
    assert {key for _, keys, _ in told for key in keys} >= set(grouped)
    arrows = [key for name in NUDGES for key in COMMANDS[name].keys]
    assert [key for _, keys, _ in told for key in keys if key in arrows] == arrows


def test_the_table_of_colours_has_the_meanings_of_the_review():
    from napari_alc.plugin.tooltips import REGIONS

    text = text_of("README.md")
    assert [meaning for meaning in REGIONS.values() if f"| {meaning} |" not in text] == []


def test_every_command_and_flag_is_told():
    text = text_of("docs/commands.md")
    program = typer.main.get_command(app)
    missing = [
        f"{name} {flag}"
        for name, command in {"": program, **program.commands}.items()
        for parameter in command.params
        for flag in parameter.opts
        if flag.startswith("--") and flag not in ("--help", "--set") and f"{flag}" not in text
    ]
    assert missing == []
    shown = [name for name, command in program.commands.items() if not command.hidden]
    assert [name for name in shown if not re.search(rf"\b{name}\b", text)] == []


def test_no_flag_is_told_that_is_not_there():
    program = typer.main.get_command(app)
    commands = (program, *program.commands.values())
    known = {o for command in commands for p in command.params for o in p.opts}
    told = set(re.findall(r"`(--[a-z-]+)", text_of("docs/commands.md")))
    assert told - known <= {"--help"}


def test_every_detector_setting_and_table_is_told():
    text = text_of("docs/project.md")
    names = list(DetectorSettings.model_fields) + list(schema.metadata.tables)
    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_example_in_python_prints_what_it_says(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", text_of("README.md"), re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})
    promised = re.findall(r"^print\(.*\)  # (.*)$", example, re.MULTILINE)
    assert promised
    assert capsys.readouterr().out.splitlines() == promised


def test_classes_that_the_glossary_names_are_there():
    modules = [*ROOT.glob("src/**/*.py"), *ROOT.glob("experiments/src/**/*.py")]
    classes = {
        name
        for path in modules
        for name in re.findall(r"^class (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    named = re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`", text_of("CONTRIBUTING.md"))
    assert len(named) > 10
    assert [name for name in named if name not in classes] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_modules_that_a_document_names_are_there(document):
    named = re.findall(r"`((?:[a-z_0-9]+/)+[a-z_0-9]+\.py)`", document.read_text(encoding="utf-8"))
    homes = (ROOT, ROOT / "src", ROOT / "src" / "napari_alc", ROOT / "experiments" / "src")
    assert [name for name in named if not any((home / name).exists() for home in homes)] == []

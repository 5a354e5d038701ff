"""A code base's own names for statuses, models and jobs, read from a file or detected."""

from pathlib import Path

import pytest

from scripts.commands.crosswalk.audit.analysis import analyse
from scripts.commands.crosswalk.audit.command import main
from scripts.commands.crosswalk.audit.rules import find
from scripts.commands.crosswalk.audit.vocabulary import Vocabulary, load

PROJECT = Path(__file__).parent / "fixtures" / "vocabulary_file"


def test_the_names_of_the_file_are_found_and_no_others() -> None:
    lines = (PROJECT / "app.py").read_text().splitlines()
    wanted = {(n, line.split("# finds: ")[1]) for n, line in enumerate(lines, 1) if "# finds: " in line}
    found = find(analyse([PROJECT], vocabulary=load(PROJECT / "vocabulary.toml")))
    assert {(one.place.line, one.rule.code) for one in found} == wanted


def test_the_file_in_the_documentation_can_be_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "audit.md").read_text()
    (tmp_path / "vocabulary.toml").write_text(page.partition("```toml\n")[2].partition("```")[0])
    vocabulary = load(tmp_path / "vocabulary.toml")
    assert (vocabulary.models, vocabulary.jobs) == ({"Job": ("state",)}, ("worker.tasks.*", "run_*"))


def test_the_command_reads_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(PROJECT), "--vocabulary", str(PROJECT / "vocabulary.toml")]) == 1
    assert "Crawl.state = busy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[statuses]\nfield = ['state']",
            r"statuses.field is unknown; valid are fields, machine, not_fields, words",
        ),
        ("[status]\nfields = []", r"\[status\] is unknown; valid are \[statuses\], \[models\] and \[jobs\]"),
        ("[models]\nJob = 'state'", r"models.Job = 'state': must be a list of names"),
        ("[jobs", r"vocabulary.toml"),
    ],
)
def test_the_error_for_an_invalid_file_names_the_valid_choices(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "vocabulary.toml"
    file.write_text(text)
    assert main([str(PROJECT), "--vocabulary", str(file)]) == 2
    with pytest.raises(ValueError, match=message):
        load(file)
    assert str(file) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "machine"),
    [
        ("New, Queued, Processing, Completed, Error", True),
        ("pending, in_processing, complete, error, canceled", True),
        ("submitted, done, failed", True),
        ("queued, running", True),
        ("todo, in_progress, done", False),
        ("pending, approved, rejected", False),
        ("pending, paid, delivered, failed", False),
        ("draft, ready", False),
        ("New, Selected, Maybe, Not a Fit, Archived", False),
    ],
)
def test_a_fields_words_distinguish_work_of_machines_from_work_of_people(words: str, machine: bool) -> None:
    assert Vocabulary().is_work(words.split(", ")) is machine

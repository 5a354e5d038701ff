"""A code base's own words for statuses, models and jobs, told by a file; and what is made of them where nothing is said."""

from pathlib import Path

import pytest

from scripts.commands.crosswalk.audit.analysis import analyse
from scripts.commands.crosswalk.audit.command import main
from scripts.commands.crosswalk.audit.rules import find
from scripts.commands.crosswalk.audit.vocabulary import Vocabulary, load

TOLD = Path(__file__).parent / "fixtures" / "told"


def test_what_the_file_tells_is_found_and_nothing_else() -> None:
    lines = (TOLD / "app.py").read_text().splitlines()
    wanted = {(n, line.split("# told: ")[1]) for n, line in enumerate(lines, 1) if "# told: " in line}
    found = find(analyse([TOLD], vocabulary=load(TOLD / "vocabulary.toml")))
    assert {(one.place.line, one.rule.code) for one in found} == wanted


def test_the_command_takes_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(TOLD), "--vocabulary", str(TOLD / "vocabulary.toml")]) == 1
    assert "Crawl.state = busy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[statuses]\nfield = ['state']",
            r"statuses.field means nothing; fields, machine, not_fields, words are right",
        ),
        ("[status]\nfields = []", r"\[status\] means nothing; \[statuses\], \[models\] and \[jobs\] are right"),
        ("[models]\nJob = 'state'", r"models.Job = 'state': a list of names is right"),
        ("[jobs", r"vocabulary.toml"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_what_would_be_right(
    text: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "vocabulary.toml"
    file.write_text(text)
    assert main([str(TOLD), "--vocabulary", str(file)]) == 2
    with pytest.raises(ValueError, match=told):
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
def test_a_fields_words_tell_the_work_of_machines_from_that_of_people(words: str, machine: bool) -> None:
    assert Vocabulary().is_work(words.split(", ")) is machine

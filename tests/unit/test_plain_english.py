"""The check of words and line widths finds what it must find, with the right line, and nothing else."""

from pathlib import Path

import pytest

from scripts.commands.plain_english import ALLOWED, ROOT, WORDS, check, main, words


def findings(tmp_path: Path, name: str, text: str) -> list[str]:
    """Return the findings in a tree whose only file is ``name``."""
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return [str(finding) for finding in check(root=tmp_path)]


@pytest.mark.parametrize(
    "sentence",
    [
        "Nobody waits for it.",
        "Whoever comes first",
        "the record comes again",
        "the record comes\nagain",
        "# comes\n#   again",
        "change it by hand",
        "what a hand in the database may do",
        "def test_nobody_waits() -> None: ...",
        "class LeaseClerk: ...",
        "told = 1",
        "a list of bells",
        "the danger first",
    ],
)
def test_a_word_of_the_list_is_found_in_sentences_and_in_names(sentence: str) -> None:
    assert len(list(words(Path("module.py"), sentence))) == 1


@pytest.mark.parametrize("sentence", ["a hand-off", "the chattel", "ChIJnobody", "pricelist", "notice", "beforehand"])
def test_a_word_that_only_looks_like_one_of_the_list_is_left_alone(sentence: str) -> None:
    assert list(words(Path("module.py"), sentence)) == []


def test_a_finding_names_the_file_the_line_the_word_and_what_to_write(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, "functions/some/job.py", '"""One.\n\nIt tells the caller.\n"""\n')
    assert found == f'functions/some/job.py:3: "tells": {WORDS["tell|tells|told|telling"]}'


@pytest.mark.parametrize("name", ["scripts/some", "infra/queries/some.txt", "docs/some.md", "README.md", "setup.toml"])
def test_all_kinds_of_text_are_read(tmp_path: Path, name: str) -> None:
    assert len(findings(tmp_path, name, "# nobody\n")) == 1


@pytest.mark.parametrize(
    "name",
    [
        "functions/some/__pycache__/job.py",
        "scripts/commands/run/sites/some.example/robots.txt",
        "tests/audit/fixtures/broken/some.py",
        "docs/picture.svg",
        "other/some.py",
    ],
)
def test_data_is_not_read(tmp_path: Path, name: str) -> None:
    assert findings(tmp_path, name, "# nobody\n") == []


def test_a_wide_line_of_a_document_is_found_and_tables_code_and_urls_are_not(tmp_path: Path) -> None:
    wide, url = "word " * 24, f"[a link](https://a.example/{'x' * 100})"
    text = f"{wide}\n| {wide} |\n```\n{wide}\n```\n{url}\n{wide}\n"
    assert findings(tmp_path, "docs/some.md", text) == [
        f"docs/some.md:{line}: 120 characters; docs wrap at 100" for line in (1, 7)
    ]
    assert findings(tmp_path, "docs/some.md", f"{'x' * 100}\n") == []


def test_each_allowed_word_still_stands_where_it_is_allowed() -> None:
    for name, allowed in ALLOWED.items():
        text = " ".join((ROOT / name).read_text(encoding="utf-8").lower().replace("_", " ").split())
        for word, reason in allowed.items():
            assert word in text, f"{name} no longer has {word!r}, allowed as {reason}: remove it from ALLOWED"


def test_the_command_checks_only_the_paths_it_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(ROOT / "scripts" / "commands" / "plain_english.py")]) == 0
    assert capsys.readouterr().out == ""
    assert main(["no/such/path"]) == 2
    assert "does not exist" in capsys.readouterr().err

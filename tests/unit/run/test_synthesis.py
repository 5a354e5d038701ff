"""The cache of the synthesized stack."""

from pathlib import Path

import pytest

from scripts.commands.run import synthesis


def test_a_setting_in_the_environment_makes_another_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOMAIN_SCHEDULER_BATCH_SIZE", raising=False)
    before = synthesis.fingerprint()
    monkeypatch.setenv("UNRELATED_VARIABLE", "5")
    assert synthesis.fingerprint() == before
    monkeypatch.setenv("DOMAIN_SCHEDULER_BATCH_SIZE", "5")
    assert synthesis.fingerprint() != before


def test_a_changed_function_makes_another_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = tmp_path / "functions" / "some" / "handler.py"
    handler.parent.mkdir(parents=True)
    handler.write_text("one")
    monkeypatch.setattr(synthesis, "ROOT", tmp_path)
    before = synthesis.fingerprint()
    (handler.parent / "__pycache__").mkdir()
    (handler.parent / "__pycache__" / "handler.pyc").write_text("bytecode")
    assert synthesis.fingerprint() == before
    handler.write_text("two")
    assert synthesis.fingerprint() != before

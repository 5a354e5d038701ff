"""The cache of the synthesized stack, and what is uploaded of it."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from scripts.commands.run import synthesis
from scripts.commands.run.deployment import assets
from scripts.commands.run.ticks import scheduled_event


def test_a_setting_of_the_operator_makes_another_stack(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_assets_go_where_the_template_looks_for_them_folders_as_zips(tmp_path: Path) -> None:
    (tmp_path / "asset.1" / "deep").mkdir(parents=True)
    (tmp_path / "asset.1" / "deep" / "file.py").write_text("x = 1")
    (tmp_path / "s.template.json").write_text("{}")
    bucket = {"bucketName": "assets-${AWS::AccountId}-${AWS::Region}", "objectKey": "1.zip"}
    template = {"bucketName": "assets-${AWS::AccountId}-${AWS::Region}", "objectKey": "2.json"}
    (tmp_path / "s.assets.json").write_text(
        json.dumps(
            {
                "files": {
                    "1": {"source": {"path": "asset.1", "packaging": "zip"}, "destinations": {"here": bucket}},
                    "2": {"source": {"path": "s.template.json"}, "destinations": {"here": template}},
                }
            }
        )
    )
    folder, file = assets(tmp_path, "s")
    assert (folder.bucket, folder.key) == ("assets-000000000000-us-east-1", "1.zip")
    assert zipfile.ZipFile(io.BytesIO(folder.read())).namelist() == ["deep/file.py"]
    assert file.read() == b"{}"


def test_a_pressed_tick_is_the_event_of_a_rate_rule() -> None:
    event = scheduled_event("arn:aws:events:us-east-1:000000000000:rule/tick")
    assert event["detail-type"] == "Scheduled Event"
    assert event["source"] == "aws.events"
    assert event["resources"] == ["arn:aws:events:us-east-1:000000000000:rule/tick"]
    assert event["detail"] == {}

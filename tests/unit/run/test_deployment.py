"""What is uploaded of a synthesized stack, and what is changed in its template."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from scripts.commands.run.deployment import assets, with_local_api_urls


def test_assets_go_where_the_template_expects_them_and_folders_as_zips(tmp_path: Path) -> None:
    (tmp_path / "asset.1" / "deep").mkdir(parents=True)
    (tmp_path / "asset.1" / "deep" / "file.py").write_text("x = 1")
    (tmp_path / "s.template.json").write_text("{}")
    bucket = {"bucketName": "assets-${AWS::AccountId}-${AWS::Region}", "objectKey": "1.zip"}
    template: Any = {"bucketName": "assets-${AWS::AccountId}-${AWS::Region}", "objectKey": "2.json"}
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


def test_the_url_of_an_api_in_the_outputs_is_one_that_works_on_this_machine() -> None:
    endpoint_of_api: Any = {"Fn::GetAtt": ["ApiB123", "ApiEndpoint"]}
    template: Any = {
        "Resources": {"Function": {"Properties": {"Environment": endpoint_of_api}}},
        "Outputs": {"ApiUrl": {"Value": endpoint_of_api}, "Name": {"Value": {"Ref": "Function"}}},
    }
    changed = json.loads(with_local_api_urls(json.dumps(template).encode(), "http://127.0.0.1:4566"))
    assert changed["Outputs"]["ApiUrl"]["Value"] == {
        "Fn::Join": ["", ["http://127.0.0.1:4566/_aws/execute-api/", {"Ref": "ApiB123"}, "/$default"]]
    }
    assert changed["Outputs"]["Name"] == template["Outputs"]["Name"]
    assert changed["Resources"] == template["Resources"]

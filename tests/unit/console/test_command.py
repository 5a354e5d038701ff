"""The command ``console``: where it finds the API, and how its callers are authorised."""

from collections.abc import Mapping

import pytest

from scripts.commands.console.oidc import Provider
from scripts.commands.console.upstream import Signature
from scripts.commands.scrapersky.app import main
from scripts.commands.scrapersky.console import LOOK, OPERATE, authorization_of

AWS = "https://abc.execute-api.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("--url", "ftp://x"), 2, "--url 'ftp://x': valid is an address such as https://"),
        (("--url", "api.example"), 2, "--url 'api.example': valid is an address such as https://"),
        (("--url", "http://api.example"), 2, "--url 'http://api.example': valid is an address such as https://"),
        (("--url", AWS, "--issuer", "https://login.example"), 1, "name it with --client-id, or console_client_id"),
        (("--url", "https://api.example"), 1, "AWS needs a region: set --region"),
        (("--port", "65536"), 2, "must be less than or equal to 65535"),
        (("--stage", "local"), 1, "--stage local needs the endpoint that scripts/run --keep prints"),
    ],
)
def test_a_command_that_cannot_work_says_what_is_missing(
    words: tuple[str, ...],
    status: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    assert main(["console", *words]) == status
    assert message in capsys.readouterr().err


def test_requests_are_signed_for_the_region_that_the_address_names() -> None:
    found = authorization_of({}, AWS, region="us-east-2")
    assert isinstance(found, Signature)
    assert found.region == "eu-west-1"


@pytest.mark.parametrize(("read_only", "scopes"), [(True, (LOOK,)), (False, (LOOK, OPERATE))])
def test_the_stacks_outputs_name_the_provider_and_a_viewer_asks_for_no_right_to_change(
    read_only: bool, scopes: tuple[str, ...]
) -> None:
    outputs: Mapping[str, str] = {
        "ApiIssuer": "https://login.example",
        "ApiAudience": "api",
        "ConsoleClientId": "console",
    }
    found = authorization_of(outputs, AWS, read_only=read_only)
    assert found == Provider("https://login.example", "console", scopes, "api")
    other = authorization_of(outputs, AWS, client_id="mine", audience="other", read_only=True)
    assert other == Provider("https://login.example", "mine", (LOOK,), "other")

"""The options and arguments that several commands share."""

from __future__ import annotations

import getpass
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from scrapersky.runtime.payloads import workflow_name
from scrapersky.runtime.registry import WORKFLOWS

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def known_workflow(text: str) -> str:
    """Return the workflow's name, whatever its spelling. Raises BadParameter naming the workflows."""
    name = str(workflow_name(text))
    if name not in WORKFLOWS:
        raise typer.BadParameter(f"there is no workflow {text!r}; valid: {', '.join(WORKFLOWS)}")
    return name


def user() -> str:
    """Return the login name, for the audit trail."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "operator"


def is_local(endpoint: str | None) -> bool:
    """Return whether ``endpoint`` is an emulated AWS on this machine."""
    return endpoint is not None and urlsplit(endpoint).hostname in LOOPBACK


_WORKFLOW: Any = {
    "metavar": "WORKFLOW",
    "parser": known_workflow,
    "autocompletion": lambda: list(WORKFLOWS),
    "help": ", ".join(WORKFLOWS),
}
WorkflowName = Annotated[str, typer.Argument(**_WORKFLOW)]
AnyWorkflow = Annotated[str | None, typer.Argument(**_WORKFLOW)]
Record = Annotated[str, typer.Argument(metavar="RECORD", help="Id, or domain, url or place id.")]
Records = Annotated[list[str], typer.Argument(metavar="RECORD...", help="Ids, or domains, urls or place ids.")]

Stage = Annotated[str, typer.Option(metavar="NAME", envvar="SCRAPERSKY_STAGE", help="The deployment.")]
Region = Annotated[str | None, typer.Option(metavar="NAME", help="AWS region; else AWS_REGION or the profile's.")]
Endpoint = Annotated[
    str | None,
    typer.Option(
        metavar="URL", envvar="AWS_ENDPOINT_URL", help="An emulated AWS, such as scripts/run --keep prints.",
    ),
]  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]

Actor = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who does it, for the audit trail; else the login name.")
]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the audit trail.")]
Limit = Annotated[int | None, typer.Option(metavar="N", min=1, help="At most N records.")]

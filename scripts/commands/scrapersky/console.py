"""The command ``console``: opens a stage's console in the browser."""

from __future__ import annotations

import re
import threading
import webbrowser
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

import typer
from botocore.exceptions import BotoCoreError

from scripts.commands.console.oidc import Provider
from scripts.commands.console.proxy import serving
from scripts.commands.console.upstream import Server, Signature
from scripts.commands.scrapersky import options
from scripts.commands.scrapersky.errors import CommandError, InvalidCommand
from scripts.commands.scrapersky.remote import NO_ENDPOINT, NO_REGION, session

LOOK, OPERATE = "scrapersky/look", "scrapersky/operate"
"""The scopes that the console's routes need (a test compares them with infra/curation_api.py)."""
REGION_OF_HOST = re.compile(r"\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$")


def console(
    stage: options.Stage = "dev",
    read_only: Annotated[bool, typer.Option("--read-only", help="Refuse every change.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="Of 127.0.0.1; else a free one.")] = 0,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="The API's address; else the output ApiUrl of the stack.")
    ] = None,
    issuer: Annotated[
        str | None, typer.Option(metavar="URL", help="Log in at this OpenID provider; else the stack's output.")
    ] = None,
    client_id: Annotated[
        str | None, typer.Option(metavar="ID", help="The console's client id there; else the stack's output.")
    ] = None,
    audience: Annotated[
        str | None, typer.Option(metavar="NAME", help="Ask for tokens for this API; else the stack's output.")
    ] = None,
    region: options.Region = None,
    endpoint: options.Endpoint = None,
) -> int:
    """Open the console of a stage: print a link for the browser, and forward what it asks until Ctrl-C.

    The link leads to a proxy on this machine that signs each request with your AWS credentials. At a stage whose API takes
    tokens, you log in at its provider first.
    """
    # Imported here: it needs the settings and the database's modules, and a url needs no stack.
    from scripts.commands.scrapersky.doctor.stage import Stage  # noqa: PLC0415

    if stage == "local" and not (url or endpoint):
        raise CommandError(NO_ENDPOINT)
    outputs = {} if url else Stage(stage, endpoint, region).outputs
    address = url or outputs.get("ApiUrl", "")
    if not Server(address).is_trusted:
        raise InvalidCommand(
            f"--url {address!r}: valid is an address such as https://ID.execute-api.REGION.amazonaws.com"
        )
    own = {"issuer": issuer, "client_id": client_id, "audience": audience, "region": region, "endpoint": endpoint}
    authorization = authorization_of(outputs, address, read_only=read_only, **own)
    kind = " (read-only)" if read_only else ""

    def announce(link: str) -> None:
        print(f"The console of stage {stage}{kind}; the link works once:\n{link}", flush=True)

    try:
        with serving(address, authorization, announce, read_only=read_only, port=port) as running:
            print("Ctrl-C ends it.", flush=True)
            if open_:
                webbrowser.open(running.link)
            threading.Event().wait()
    except OSError as error:
        raise CommandError(f"--port {port}: {error.strerror}; without --port a free one is chosen") from None
    return 0


def authorization_of(
    outputs: Mapping[str, str],
    address: str,
    *,
    issuer: str | None = None,
    client_id: str | None = None,
    audience: str | None = None,
    region: str | None = None,
    endpoint: str | None = None,
    read_only: bool = False,
) -> Provider | Signature:
    """Return how requests to the API at ``address`` are authorised, by the options or the stack's ``outputs``.

    Raises :class:`CommandError`.
    """
    issuer = issuer or outputs.get("ApiIssuer")
    if issuer:
        client_id = client_id or outputs.get("ConsoleClientId")
        if not client_id:
            raise CommandError(
                f"the API takes tokens of {issuer}, but no client is known for the console: register a public client there, "
                "and name it with --client-id, or console_client_id of the stage in infra/config.py"
            )
        scopes = (LOOK,) if read_only else (LOOK, OPERATE)
        return Provider(issuer, client_id, scopes, audience or outputs.get("ApiAudience", ""))
    try:
        found = session(endpoint, region)
    except BotoCoreError as error:
        raise CommandError(str(error)) from None
    named = REGION_OF_HOST.search(urlsplit(address).hostname or "")
    where = named[1] if named else found.region_name
    if not where:
        raise CommandError(NO_REGION)
    return Signature(found, where)

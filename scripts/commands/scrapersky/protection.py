"""The commands of data protection. They call the API's function with the requests that the API would pass to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from scrapersky.errors import plural
from scripts.commands.scrapersky import options
from scripts.commands.scrapersky.display import cell
from scripts.commands.scrapersky.errors import CommandError, Refused
from scripts.commands.scrapersky.remote import Remote
from scripts.commands.scrapersky.verb import Answer

ACTIONS = ("add", "import", "check", "lift")
Email = Annotated[str | None, typer.Option(metavar="ADDRESS", help="An e-mail address.")]
Phone = Annotated[str | None, typer.Option(metavar="NUMBER", help="A phone number in international form.")]
Domain = Annotated[str | None, typer.Option(metavar="HOST", help="A domain with its subdomains.")]
OptionalReason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for the audit trail.")]


def suppress(
    remote: Remote,
    action: Annotated[str, typer.Argument(metavar="ACTION", help=", ".join(ACTIONS))],
    email: Email = None,
    phone: Phone = None,
    domain: Domain = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV with an address or a SHA-256 a line.", exists=True)
    ] = None,
    reason: OptionalReason = None,
    actor: options.Actor = None,
) -> Answer:
    """Suppress an address, a phone number or a domain: delete what is stored of it, and never store or visit it again."""
    if action not in ACTIONS:
        raise CommandError(f"suppress {action}: there is no such action; valid: {', '.join(ACTIONS)}")
    named = {"email": email, "phone": phone, "domain": domain}
    if action == "import":
        if file is None or any(named.values()):
            raise CommandError("suppress import needs --file, and nothing else that names a value")
        return request(remote, "suppress/csv", file.read_text(encoding="utf-8-sig"), actor, kind="text/csv")
    body = {name: value for name, value in {**named, "reason": reason}.items() if value is not None}
    return request(remote, "suppress" if action == "add" else action, json.dumps(body), actor)


def subject(
    remote: Remote,
    action: Annotated[str, typer.Argument(metavar="ACTION", help="report, erase")],
    email: Email = None,
    phone: Phone = None,
    domain: Domain = None,
    reason: OptionalReason = None,
    actor: options.Actor = None,
) -> Answer:
    """Report all that is held about a person or a domain, or suppress and erase it in every table."""
    if action not in ("report", "erase"):
        raise CommandError(f"subject {action}: there is no such action; valid: report, erase")
    named = {"email": email, "phone": phone, "domain": domain, "reason": reason}
    body = {name: value for name, value in named.items() if value is not None}
    return request(remote, action, json.dumps(body), actor)


def purge(
    remote: Remote,
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="A host or a url; its subdomains go as well.")],
    reason: options.Reason,
    actor: options.Actor = None,
) -> Answer:
    """Delete a domain and all that belongs to it. Refused while work of it is in flight."""
    return request(remote, "purge", json.dumps({"domain": domain, "reason": reason}), actor)


def show_subject(answer: Answer) -> Iterator[str]:
    """Yield a report or a receipt: its fields, how many rows hold the subject, and each contact with its sources."""
    yield from show({name: value for name, value in answer.items() if not isinstance(value, dict | list)})
    for name, count in {**answer.get("places", {}), **answer.get("rows", {})}.items():
        yield f"{name}: {plural(count, 'row')}"
    for contact in answer.get("contacts", []):
        yield f"{contact['value']} of {contact['domain']}, {contact['first_seen']} to {contact['last_seen']}"
        for source in contact["sources"] or []:
            yield f"  {source['url']} ({source['found_in']}): {source['context'] or ''}".rstrip(": ")


def show(answer: Answer) -> Iterator[str]:
    """Yield the fields of an answer, one a line."""
    for name, value in answer.items():
        if value is not None:
            yield f"{name.replace('_', ' ').capitalize()}: {cell(value)}"


def request(remote: Remote, action: str, body: str, actor: str | None, kind: str = "application/json") -> Answer:
    """Send a POST to ``/data-protection/…`` as ``actor``, else as the user of this machine; return the answer.

    Raises :class:`Refused` with the API's reason. Who may invoke the function may do all that its API can.
    """
    path, route = f"/data-protection/{action}", "POST /data-protection/{proxy+}"
    event = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": kind},
        "requestContext": {
            "authorizer": {"iam": {"userArn": actor or options.user()}},
            "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "routeKey": route,
            "stage": "$default",
        },
        "isBase64Encoded": False,
        "body": body,
    }
    response: dict[str, Any] = remote.invoke("api", event)
    answer: dict[str, Any] = json.loads(response["body"])
    if response["statusCode"] >= 400:
        raise Refused(str(answer.get("detail", answer)))
    return answer

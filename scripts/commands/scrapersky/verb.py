"""What all commands that ask a stage's functions have in common: options, output and exit status."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_type_hints

import typer

from scrapersky.runtime.registry import SERVICES, WORKFLOWS, service_of
from scripts.commands.scrapersky import options
from scripts.commands.scrapersky.remote import Remote

Answer = Mapping[str, Any]
SHARED = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    for name, default, annotation in (
        ("stage", "dev", options.Stage),
        ("region", None, options.Region),
        ("endpoint", None, options.Endpoint),
        ("as_json", False, options.AsJson),
    )
]


def add(app: typer.Typer, name: str, verb: Callable[..., Answer], show: Callable[[Answer], Iterable[str]]) -> None:
    """Add the command ``name``: ``verb`` gets a :class:`Remote` and its own arguments, ``show`` renders its answer.

    The exit status is 1 if the answer names records that were not moved.
    """

    def command(stage: str, region: str | None, endpoint: str | None, as_json: bool, **own: Any) -> int:
        answer = verb(Remote(stage, endpoint, region), **own)
        print(json.dumps(answer, indent=2, ensure_ascii=False) if as_json else "\n".join(show(answer)))
        parts = [answer, *answer.get("workflows", {}).values()]
        return 1 if any(part.get("not_moved") for part in parts) else 0

    own = list(inspect.signature(verb).parameters.values())[1:]
    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own] + SHARED
    hints = get_type_hints(verb, include_extras=True)
    annotations = {one.name: hints.get(one.name, one.annotation) for one in parameters}
    parameters = [one.replace(annotation=annotations[one.name]) for one in parameters]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = annotations
    app.command(name, help=verb.__doc__, short_help=(verb.__doc__ or "").partition(":")[0].partition(".")[0])(command)


def ask_owner(remote: Remote, workflow: str, payload: Answer) -> Answer:
    """Send ``payload``, without the fields that are None, to the service that owns ``workflow``."""
    return _send(remote, service_of(WORKFLOWS[workflow]).name, {**payload, "workflow": workflow})


def ask_each(remote: Remote, workflow: str | None, payload: Answer) -> Answer:
    """Send ``payload`` to the owner of ``workflow``, or to every service at once; return the answers as one."""
    services = SERVICES if workflow is None else (service_of(WORKFLOWS[workflow]),)
    assert remote.client  # raises CommandError before threads start
    with ThreadPoolExecutor(len(services)) as pool:
        answers = list(pool.map(lambda one: _send(remote, one.name, {**payload, "workflow": workflow}), services))
    return {
        "stage": remote.stage,
        "at": max(answer["at"] for answer in answers),
        "workflows": {
            name: {"service": answer["service"], **part}
            for answer in answers
            for name, part in answer["workflows"].items()
        },
    }


def _send(remote: Remote, service: str, payload: Answer) -> Answer:
    answer: Answer = remote.invoke(service, {key: value for key, value in payload.items() if value is not None})
    return answer

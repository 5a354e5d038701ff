"""Runs the examples of a document: its fenced blocks in their order, with real handlers, the API and a real Postgres.

- ``console``: lines ``$ command``, each with its output; ``…`` matches anything, white space matches any white space.
- ``http``: a request line with its JSON, and after a line ``→ 200`` the answer, with ``…`` as above.
- ``python``: executed; it contains its own asserts.
- ``<!-- example: add a.example -->`` (adds Queued domains), ``<!-- example: work -->`` or ``work CODE REASON`` (a tick
  and all its messages; with a code, each record fails with it), ``process WORKFLOW ID`` and ``sql STATEMENT`` are steps that
  readers do not see.
"""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from infra.config import STAGES
from infra.plan import plan
from scrapersky.runtime.outcomes import Fail
from scrapersky.runtime.registry import LIVE, WORKFLOWS, service_of
from scrapersky.settings import SettingsError
from scripts.commands.crosswalk.__main__ import main as crosswalk
from scripts.commands.new_service.__main__ import main as new_service
from scripts.commands.run.__main__ import parser as run_parser
from scripts.commands.run.run import execute as run_locally
from scripts.commands.scrapersky.app import main as scrapersky
from tests.integration.api import Api
from tests.integration.conftest import Harness

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"^ *<!-- example: (?P<step>.+?) -->$|^(?P<indent> *)```(?P<kind>\w*)\n(?P<body>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
NOT_RUN = frozenset({"", "mermaid", "toml", "json", "text"})
"""Kinds of blocks that are not examples: diagrams, data, files."""


@dataclass(frozen=True)
class Example:
    """One block, or a hidden step; ``line`` is the number of its first line."""

    kind: str
    body: str
    line: int


def examples(document: Path) -> Iterator[Example]:
    """Return the document's blocks and hidden steps in their order."""
    text = document.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        if found["step"]:
            yield Example("step", found["step"], line)
        elif found["kind"] not in NOT_RUN:
            yield Example(found["kind"], dedent(found["body"]), line)


def assert_matches(output: str, expected: str, where: str) -> None:
    """Assert that ``output`` matches the text ``expected`` by the document."""
    parts = (r"\s+".join(map(re.escape, part.split())) for part in expected.split("…"))
    pattern = r"\s*" + r"\s*.*?\s*".join(parts) + r"\s*"
    assert re.fullmatch(pattern, output, re.DOTALL), f"{where} expects\n{expected}\nbut the output is\n{output}"


@dataclass
class Stage:
    """What examples use: a stage named dev."""

    harness: Harness
    api: Api
    endpoint: str
    handlers: Mapping[str, Callable[[dict[str, Any]], Any]]
    database_url: str
    capture: pytest.CaptureFixture[str]

    def run(self, example: Example, name: str) -> None:
        """Run one block. Raises AssertionError with the name of the document and the line."""
        where = f"{name}:{example.line}"
        match example.kind:
            case "step":
                self._take_step(example.body)
            case "console":
                for command in re.split(r"^\$ ", example.body, flags=re.MULTILINE)[1:]:
                    line, expected = _command(command)
                    assert_matches(self._execute(line), expected, f"{where} {line}")
            case "http":
                for request in re.split(r"^(?=[A-Z]+ /)", example.body, flags=re.MULTILINE)[1:]:
                    sent, expected = request.split("\n→ ")
                    assert_matches(self._send(sent), expected, f"{where} {sent}")
            case "python":
                exec(compile(example.body, where, "exec"), {"__name__": "example"})
            case kind:
                raise AssertionError(f"{where}: blocks of kind {kind!r} cannot be run; console, http and python can")

    def _take_step(self, step: str) -> None:
        verb, *words = step.split(maxsplit=1)
        rest = words[0] if words else ""
        match verb:
            case "add":
                self.harness.add(*rest.split())
            case "sql":
                self.harness.connection.exec_driver_sql(rest)
            case "process":
                workflow, record = rest.split()
                handler = self.handlers[f"scrapersky-dev-{service_of(WORKFLOWS[workflow]).name}"]
                answer = handler({"action": "process", "workflow": workflow, "record": int(record)})
                assert "error" not in answer, answer
            case "work":
                self._work(rest)
            case _:
                raise AssertionError(f"{step!r} is no step")

    def _work(self, result: str) -> None:
        code, _, reason = result.partition(" ")
        if code:
            (known,) = self.harness.connection.exec_driver_sql("SELECT array_agg(domain) FROM domains").scalars()
            self.harness.behaviour = dict.fromkeys(known, lambda _: Fail(code, reason))
        self.harness.drain()
        self.harness.behaviour = {}

    def _execute(self, line: str) -> str:
        words = shlex.split(line)
        variables = {}
        while re.match(r"[A-Z_]+=", words[0]):
            variable, _, value = words.pop(0).partition("=")
            variables[variable] = value
        self.capture.readouterr()
        command, rest = words[0].removeprefix("scripts/"), words[1:]
        match command:
            case "scrapersky":
                where = ["--stage", "dev", "--endpoint", self.endpoint]
                scrapersky(rest if rest[0] in ("logs", "cost") else [*rest, *where])
            case "new-service":
                assert "--dry-run" in rest
                new_service(rest)
            case "run":
                run_locally(run_parser().parse_args(rest), None)
            case "crosswalk":
                crosswalk([str(ROOT / word) if "/" in word else word for word in rest])
            case "cdk":
                return _planned(rest[-1], variables)
            case "curl":
                arguments = [os.path.expandvars(word) for word in words]
                return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
            case "aws":
                name, _, alias = _after(words, "--function-name").partition(":")
                assert alias == LIVE
                return json.dumps(self.handlers[name](json.loads(_after(words, "--payload"))))
            case _:
                raise AssertionError(f"the command {command!r} cannot be run")
        captured = self.capture.readouterr()
        # The handlers log to the same output, one JSON object per line.
        return "\n".join(line for line in f"{captured.out}{captured.err}".splitlines() if not line.startswith('{"'))

    def _send(self, request: str) -> str:
        head, _, body = request.partition("\n")
        method, path, *headers = head.split()
        path, _, query = path.partition("?")
        named = dict(header.split("=", 1) for header in headers)
        kind = {} if body.strip().startswith("{") or not body.strip() else {"content-type": "text/csv"}
        answer = self.api.send(
            method,
            path,
            body.strip() or None,
            query=dict(part.split("=", 1) for part in query.split("&")) if query else None,
            headers={"content-type": "application/json", **kind, **named},
        )
        return f"{answer.status} {json.dumps(answer.json, ensure_ascii=False)}"


def _command(text: str) -> tuple[str, str]:
    """Return a command, with its continuation lines joined, and its expected output."""
    joined = text.replace("\\\n", " ")
    while joined.partition("\n")[0].count("'") % 2:  # a payload of several lines
        joined = joined.replace("\n", " ", 1)
    line, _, expected = joined.partition("\n")
    return line, expected


def _after(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def _planned(stack: str, variables: Mapping[str, str]) -> str:
    """Return the error of a synthesis with these settings, or "" if they are valid."""
    try:
        plan(STAGES[stack.removeprefix("scrapersky-")], variables)
    except SettingsError as error:
        return str(error)
    return ""

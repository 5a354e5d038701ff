"""Runs the examples of a document: fenced blocks, in their order, against real handlers, the API and a real Postgres.

- ``console``: ``$ command`` lines, each with what it prints; ``…`` stands for anything, white space for any white space.
- ``http``: a request line with its JSON, and after a line ``→ 200`` what is answered, ``…`` again for anything.
- ``python``: executed; its own asserts say what is expected.
- ``<!-- example: add a.example -->`` (Queued domains) and ``<!-- example: work -->`` or ``work CODE REASON`` (a tick and all
  its messages; with a code, each record fails with it) make happen, unseen by the reader, what a page takes for granted.
"""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from infra.config import STAGES
from infra.plan import plan
from scrapersky.runtime.outcomes import Fail
from scrapersky.settings import SettingsError
from scripts.commands.crosswalk.__main__ import main as crosswalk
from scripts.commands.new_service.__main__ import main as new_service
from scripts.commands.run.__main__ import parser as run_parser
from scripts.commands.run.run import execute as run_locally
from scripts.commands.scrapersky.__main__ import main as scrapersky
from scripts.commands.scrapersky.explain.__main__ import main as explain
from tests.integration.api import Api
from tests.integration.conftest import Harness

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"^<!-- example: (?P<deed>.+?) -->$|^(?P<indent> *)```(?P<kind>\w*)\n(?P<body>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
NOT_RUN = frozenset({"", "mermaid", "toml", "json", "text"})
"""Blocks that are no examples: pictures, shapes, files."""


@dataclass(frozen=True)
class Example:
    """One block; ``line`` is its first in the document."""

    kind: str
    body: str
    line: int


def examples(document: Path) -> Iterator[Example]:
    """The document's blocks and unseen deeds, in their order."""
    text = document.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        if found["deed"]:
            yield Example("deed", found["deed"], line)
        elif found["kind"] not in NOT_RUN:
            yield Example(found["kind"], dedent(found["body"]), line)


def assert_fits(printed: str, promised: str, where: str) -> None:
    """Whether what was printed is what the document promises."""
    parts = (r"\s+".join(map(re.escape, part.split())) for part in promised.split("…"))
    pattern = r"\s*" + r"\s*.*?\s*".join(parts) + r"\s*"
    assert re.fullmatch(pattern, printed, re.DOTALL), f"{where} promises\n{promised}\nand is\n{printed}"


@dataclass
class Stage:
    """Everything that an example may speak to: a stage named dev."""

    harness: Harness
    api: Api
    endpoint: str
    handlers: Mapping[str, Callable[[dict[str, Any]], Any]]
    database_url: str
    capture: pytest.CaptureFixture[str]

    def run(self, example: Example, name: str) -> None:
        """Runs one block. Raises AssertionError naming the document and the line."""
        where = f"{name}:{example.line}"
        match example.kind:
            case "deed":
                self._do(example.body)
            case "console":
                for command in re.split(r"^\$ ", example.body, flags=re.MULTILINE)[1:]:
                    line, promised = _command(command)
                    assert_fits(self._say(line), promised, f"{where} {line}")
            case "http":
                for request in re.split(r"^(?=[A-Z]+ /)", example.body, flags=re.MULTILINE)[1:]:
                    asked, promised = request.split("\n→ ")
                    assert_fits(self._ask(asked), promised, f"{where} {asked}")
            case "python":
                exec(compile(example.body, where, "exec"), {"__name__": "example"})
            case kind:
                raise AssertionError(f"{where}: nobody runs {kind!r}; console, http and python are run")

    def _do(self, deed: str) -> None:
        verb, *words = deed.split(maxsplit=1)
        rest = words[0] if words else ""
        if verb == "add":
            self.harness.add(*rest.split())
            return
        assert verb == "work", deed
        code, _, reason = rest.partition(" ")
        if code:
            (known,) = self.harness.connection.exec_driver_sql("SELECT array_agg(domain) FROM domains").scalars()
            self.harness.behaviour = dict.fromkeys(known, lambda _: Fail(code, reason))
        self.harness.drain()
        self.harness.behaviour = {}

    def _say(self, line: str) -> str:
        words = shlex.split(line)
        variables = {}
        while re.match(r"[A-Z_]+=", words[0]):
            variable, _, value = words.pop(0).partition("=")
            variables[variable] = value
        self.capture.readouterr()
        command, rest = words[0].removeprefix("scripts/"), words[1:]
        match command:
            case "scrapersky":
                where = [] if rest[0] == "completion" else ["--stage", "dev", "--endpoint", self.endpoint]
                with suppress(SystemExit):  # a wrong command
                    scrapersky([*rest, *where])
            case "explain":
                explain([*rest, "--database-url", self.database_url])
            case "new-service":
                assert "--dry-run" in rest
                new_service(rest)
            case "run":
                run_locally(run_parser().parse_args(rest), None)
            case "crosswalk":
                crosswalk([str(ROOT / word) if "/" in word else word for word in rest])
            case "cdk":
                return _planned(rest[-1], variables)
            case "aws":
                return json.dumps(
                    self.handlers[_after(words, "--function-name")](json.loads(_after(words, "--payload")))
                )
            case _:
                raise AssertionError(f"nobody runs {command!r}")
        said = self.capture.readouterr()
        # The handlers log to the same output here, one JSON object a line.
        return "\n".join(line for line in f"{said.out}{said.err}".splitlines() if not line.startswith('{"'))

    def _ask(self, asked: str) -> str:
        head, _, body = asked.partition("\n")
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
    """A command, joined where it is continued on the next line, and what it promises to print."""
    joined = text.replace("\\\n", " ")
    while joined.partition("\n")[0].count("'") % 2:  # a payload over several lines
        joined = joined.replace("\n", " ", 1)
    line, _, promised = joined.partition("\n")
    return line, promised


def _after(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def _planned(stack: str, variables: Mapping[str, str]) -> str:
    """What a synthesis says of the settings: nothing, when it takes them."""
    try:
        plan(STAGES[stack.removeprefix("scrapersky-")], variables)
    except SettingsError as error:
        return str(error)
    return ""

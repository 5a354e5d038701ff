"""Check that docs, docstrings, comments, messages and names use the field's terms, and that docs wrap at 100 characters.

``scripts/environment python -m scripts.commands.plain_english [PATH …]`` checks the whole tree, or only these files and
folders, and prints ``file:line: "word": what to write instead`` for each finding. ``scripts/test`` runs it too.

The whole text of a file is read, code included, so that a name is held to the same words as a sentence: ``_`` and a capital
inside a name count as a blank. A phrase is found across a line break as well.
"""

from __future__ import annotations

import fnmatch
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 100
"""Characters of the longest line of a document."""

WORDS: Mapping[str, str] = {
    # People, and what they do
    r"nobody|no one": "name who does not do it, or use the passive: is not …",
    r"somebody|someone|whoever|whomever|whose turn": "name who does it: the worker, the operator, another process",
    r"tells? apart|told apart": "distinguish",
    r"tell|tells|told|telling": "report, log, show, state",
    r"said": "reported, given; actor and reason for the audit context",
    r"be it": "whether … or …",
    r"of ours": "our own, or name the owner",
    r"comes? again|came again|coming again": "is redelivered, returns to the queue",
    r"by hand|a hand(?!.off)": "manual SQL, manually, an operator",
    r"danger first|dangers first": "Warning: …",
    r"cannot go better": "permanent failure",
    r"what is not there": "a missing …",
    r"wrecking": "how it is verified, mutation",
    r"asks and steers": "shows and controls",
    # Terms
    r"tickets?": "message, wake-up",
    r"entrances?": "entry point",
    r"story|stories": "timeline",
    r"tally|tallies": "counters",
    r"troubles?": "error",
    r"leash|leashed|leashes": "process supervisor, supervised",
    r"clerks?": "lease manager",
    r"wish|wishes|wished": "request, options",
    r"wiring": "dependencies",
    r"verdicts?": "result, outcome",
    r"judged|judges?|judging": "evaluate, decide",
    r"sentenced": "decided",
    r"arrows?": "hand-off",
    r"asks places": "uses_places_api",
    r"visits no website": "uses_web",
    r"bells?": "AlarmFactory, alarm",
    r"letters of nobody": "unattributable dead letter",
    r"disguises?|disguised": "obfuscated e-mails",
    r"notices": "challenge markers; detects",
    r"patience": "acquire timeout",
    r"linger|lingers|lingering": "keep-alive",
}
"""{pattern of words that must not appear: what to write instead}. A blank matches any white space, and a comment's #."""

ALLOWED: Mapping[str, Mapping[str, str]] = {
    "layers/common/python/scrapersky/extraction/emails.py": {
        "somebody": "a placeholder address on web pages",
        "someone": "a placeholder address on web pages",
    },
    "layers/common/python/scrapersky/extraction/socials.py": {
        "stories": "a path of Facebook and Instagram",
        "story": "a path of Facebook",
    },
    "layers/common/python/scrapersky/web/page_type.py": {
        "stories": "a word in paths of websites",
        "story": "a word in paths of websites",
    },
    "layers/common/python/scrapersky/web/sitemaps/sanitiser.py": {"tell": "a method of io.StringIO"},
    "scripts/commands/crosswalk/audit/expressions.py": {"wiring": "a module of dependency-injector"},
    "tests/audit/fixtures/interfaces/app.py": {"wiring": "a module of dependency-injector"},
    "tests/chaos/proxy.py": {"linger": "the socket option SO_LINGER"},
    "tests/unit/extraction/test_socials.py": {"story": "a path of Facebook"},
    "tests/unit/web/test_page_type.py": {"story": "a word in paths of websites"},
    "tests/infra/test_deployment.py": {"notices": "an option of the CDK CLI"},
}
"""{file: {word: why it is right there}}, for what is data or another program's own term."""

FOLDERS = (".ci", ".github", "docs", "functions", "infra", "layers", "scripts", "tests")
SUFFIXES = frozenset({".cfg", ".ini", ".md", ".mjs", ".py", ".sql", ".toml", ".txt", ".yaml", ".yml", ""})
EXEMPT = (
    "*/__pycache__/*",
    "*/node_modules/*",
    "scripts/commands/plain_english.py",  # the list itself
    "scripts/commands/run/sites/*",
    "tests/audit/fixtures/broken/*",
    "tests/unit/test_plain_english.py",
)
"""Files that are data; ``*`` also matches slashes."""
EXEMPTED = re.compile("|".join(map(fnmatch.translate, EXEMPT)))

BLANK = r"[\s#]+"
PATTERNS = {re.compile(pattern.replace(" ", BLANK)): suggestion for pattern, suggestion in WORDS.items()}
PHRASE = re.compile(f"(?:{'|'.join(pattern.pattern for pattern in PATTERNS)})(?![a-z])")
"""Matches lower-case text. It starts with literals only, which the regex engine finds several times as fast."""
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
FENCE = re.compile(r"\s*(```|~~~)")
URL = re.compile(r"\]\([^)\s]*\)|<?https?://\S+")


@dataclass(frozen=True)
class Finding:
    """One thing to change, at ``line`` of ``file``."""

    file: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


def check(paths: Sequence[Path] = (), root: Path = ROOT) -> list[Finding]:
    """Return every finding in the files of ``root``, or only in those at or below ``paths`` (absolute)."""
    found: list[Finding] = []
    for file in files(root):
        if paths and not any(file == path or path in file.parents for path in paths):
            continue
        name = file.relative_to(root)
        text = file.read_text(encoding="utf-8")
        found += words(name, text)
        if file.suffix == ".md":
            found += wide_lines(name, text)
    return found


def files(root: Path) -> Iterator[Path]:
    """Yield the files that are read: those of the project's folders and of its top level, without the exempt ones."""
    top = (file for file in root.iterdir() if file.suffix in SUFFIXES - {""})
    deeper = (file for folder in FOLDERS if (root / folder).is_dir() for file in (root / folder).rglob("*"))
    for file in sorted((*top, *deeper)):
        if file.suffix in SUFFIXES and not EXEMPTED.match(file.relative_to(root).as_posix()) and file.is_file():
            yield file


def words(name: Path, text: str) -> Iterator[Finding]:
    """Yield each word of the list that ``text`` has, names included."""
    allowed = ALLOWED.get(name.as_posix(), {})
    readable = (CAMEL.sub(" ", text) if name.suffix == ".py" else text).replace("_", " ").lower()
    for match in PHRASE.finditer(readable):
        word = re.sub(BLANK, " ", match[0])
        if not readable[match.start() - 1 : match.start()].isalpha() and word not in allowed:
            suggestion = next(better for pattern, better in PATTERNS.items() if pattern.fullmatch(word))
            yield Finding(name, readable.count("\n", 0, match.start()) + 1, f'"{word}": {suggestion}')


def wide_lines(name: Path, text: str) -> Iterator[Finding]:
    """Yield the lines of a document that are too long: tables, code blocks and URLs aside."""
    fenced = False
    for number, line in enumerate(text.splitlines(), start=1):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced and not line.lstrip().startswith("|") and len(URL.sub("", line)) > WIDTH:
            yield Finding(name, number, f"{len(line)} characters; docs wrap at {WIDTH}")


def main(arguments: Sequence[str]) -> int:
    """Print the findings and their number; return 1 when there are any."""
    paths = [Path(argument).resolve() for argument in arguments]
    for path in paths:
        if not path.exists():
            print(f"plain_english: {path} does not exist: name files or folders of the project", file=sys.stderr)
            return 2
    found = check(paths)
    for finding in found:
        print(finding)
    if found:
        print(f"Findings: {len(found)}, in files: {len({finding.file for finding in found})}.", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

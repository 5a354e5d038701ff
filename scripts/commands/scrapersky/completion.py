"""Completion for bash and zsh, written from the grammar: ``source <(scripts/scrapersky completion bash)``."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator

from scrapersky.runtime.registry import WORKFLOWS

SCRIPT = """\
_scrapersky() {{
    local current command word
    current="${{COMP_WORDS[COMP_CWORD]}}"
    command="${{COMP_WORDS[1]}}"
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W {commands} -- "$current"))
        return
    fi
    case "$command" in
{cases}
        *) word="" ;;
    esac
    COMPREPLY=($(compgen -W "$word" -- "$current"))
}}
complete -F _scrapersky scrapersky scripts/scrapersky
"""


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """The completion script of ``shell``; zsh runs bash's by its own emulation."""
    commands = dict(_commands(parser))
    cases = "\n".join(
        f"        {name}) word={shlex.quote(' '.join(_words(one)))} ;;" for name, one in sorted(commands.items())
    )
    made = SCRIPT.format(commands=shlex.quote(" ".join(sorted(commands))), cases=cases)
    return f"autoload -U +X bashcompinit && bashcompinit\n{made}" if shell == "zsh" else made


def _commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _words(command: argparse.ArgumentParser) -> Iterator[str]:
    for action in command._actions:
        if action.dest == "workflow":
            yield from WORKFLOWS
        elif action.choices and not action.option_strings:
            yield from map(str, action.choices)
        yield from (option for option in action.option_strings if option.startswith("--"))

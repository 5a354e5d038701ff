"""The process of ``python -m scripts.commands.screenshots``."""

import sys

from rich.console import Console

from scripts.commands.run import databases
from scripts.commands.run.inputs import shipped_sites
from scripts.commands.run.run import Options, drain, signature, started
from scripts.commands.screenshots.browser import Browser, BrowserError
from scripts.commands.screenshots.pages import FOLDER, MAX_BYTES, take


def main() -> int:
    """Run the system over the shipped sites, and write a picture of each page of its console to docs/console."""
    console = Console()
    inputs = shipped_sites()
    try:
        with Browser.start() as browser, started(inputs, Options(), console) as system:
            engine = databases.engine(system.database_url)
            inputs.queue(engine)
            drain(system, engine, Options(), console, title=inputs.title)
            files = take(browser, engine, system.api_url, signature(system))
            engine.dispose()
    except BrowserError as error:
        print(f"no pictures: {error}", file=sys.stderr)
        return 1
    for file in files:
        print(f"{file.relative_to(FOLDER.parents[1])}: {file.stat().st_size:,} bytes")
    large = [file.name for file in files if file.stat().st_size > MAX_BYTES]
    if large:
        print(f"larger than {MAX_BYTES:,} bytes: {', '.join(large)}", file=sys.stderr)
    return 1 if large else 0


if __name__ == "__main__":
    sys.exit(main())

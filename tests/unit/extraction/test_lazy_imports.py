"""Page functions import nothing once they are warm: the child process that runs them can open no files by then."""

import subprocess
import sys
from pathlib import Path

import pytest

from scrapersky.runtime.registry import WORKFLOWS

ROOT = Path(__file__).parents[3]
OPTIONS = {
    "metadata": {"host": "shop.com", "follow": True, "limits": {"reserved_hosts": True}},
    "discovery": {},
    "page_reading": {"host": "shop.com", "is_imprint": True, "limits": {"reserved_hosts": True}},
}
READERS = {name: workflow.page_function for name, workflow in WORKFLOWS.items() if workflow.page_function}

READ_ALL = """
import sys
from importlib import import_module
from pathlib import Path
from scrapersky.web.fetched import Fetched, Headers

module, _, function = sys.argv[1].partition(":")
reader = import_module(module)
reader.warm_up()
known = set(sys.modules)
for file in Path("scripts/commands/run/sites").rglob("*.html"):
    body, url = file.read_bytes(), f"https://shop.com/{file.name}"
    page = Fetched(200, url, url, (), Headers([("content-type", "text/html")]), body, False, len(body))
    getattr(reader, function)(page, **eval(sys.argv[2]))
    for name in sorted(set(sys.modules) - known):
        if not name.startswith("phonenumbers.data."):  # read in advance by the child process
            print(file.parent.name, file.name, name)
    known |= set(sys.modules)
"""


@pytest.mark.parametrize("workflow", READERS)
def test_a_warm_reader_imports_nothing_for_any_shipped_page(workflow: str) -> None:
    command = [sys.executable, "-c", READ_ALL, READERS[workflow], repr(OPTIONS[workflow])]
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env={"PYTHONPATH": "functions:layers/common/python"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == ""

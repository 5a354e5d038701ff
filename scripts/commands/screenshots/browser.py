"""A headless Chromium, driven by Playwright in a Node process (``browser.mjs``)."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from infra.node import NotInstalled, ensure_installed, find_node

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
WAIT_MILLISECONDS = 10_000
"""How long an action waits for its element."""
SERIOUS = {"serious", "critical"}
"""The impacts of accessibility rules that are reported."""
WITH_PAGE = "const page = pages.get(given.page);\n"


class BrowserError(RuntimeError):
    """The browser cannot be started, or could not do what was asked."""


@dataclass(frozen=True)
class Browser:
    """A running browser."""

    process: subprocess.Popen[str]
    axe: str
    """The source of axe-core, which looks for problems of accessibility."""

    @classmethod
    @contextmanager
    def start(cls) -> Iterator[Browser]:
        """Run a browser until the block ends. Raises :class:`BrowserError` where Chromium or an npm package is missing."""
        chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
        node = find_node()
        if chromium is None or node is None:
            raise BrowserError("there is no Chromium, or no Node.js; Debian: apt install chromium")
        try:
            playwright, axe = ensure_installed("playwright-core"), ensure_installed("axe-core")
        except NotInstalled as error:
            raise BrowserError(f"playwright-core and axe-core are not installed: {error}") from None
        command = [node, str(Path(__file__).with_suffix(".mjs")), str(playwright), chromium]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield cls(process, (axe / "axe.min.js").read_text(encoding="utf-8"))
            finally:
                process.communicate()

    def do(self, code: str, **given: Any) -> Any:
        """Run ``code``, the body of an async function of JavaScript, and return its result. Raises :class:`BrowserError`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"code": code, "given": given}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise BrowserError("the browser has ended; its output is above")
        answer = json.loads(line)
        if "error" in answer:
            raise BrowserError(answer["error"])
        return answer["value"]

    @contextmanager
    def page(self, **options: Any) -> Iterator[Page]:
        """Open a page in a profile of its own, with Playwright's ``options`` of a context, until the block ends."""
        page = Page(self, next(NUMBERS))
        self.do(
            "const context = await browser.newContext(given.options);\n"
            "context.setDefaultTimeout(given.wait);\n"
            "pages.set(given.page, await context.newPage());",
            page=page.number,
            options=options,
            wait=WAIT_MILLISECONDS,
        )
        try:
            yield page
        finally:
            self.do("await pages.get(given.page).context().close();", page=page.number)


NUMBERS = count()


@dataclass(frozen=True)
class Page:
    """One page. ``role`` and ``name`` are those that a screen reader announces."""

    browser: Browser
    number: int

    def do(self, code: str, **given: Any) -> Any:
        """Run ``code``, which sees ``page`` and ``given``. Raises :class:`BrowserError`."""
        return self.browser.do(WITH_PAGE + code, page=self.number, **given)

    def open(self, url: str) -> int:
        """Go to ``url``; return the status of the answer."""
        return int(self.do("return (await page.goto(given.url)).status();", url=url))

    @property
    def url(self) -> str:
        """The page's address."""
        return str(self.do("return page.url();"))

    def text(self, selector: str = "body") -> str:
        """Return the text that a person sees in the first element that fits ``selector``."""
        return str(self.do("return await page.locator(given.selector).first().innerText();", selector=selector))

    def click(self, role: str, name: str, within: str = "body") -> None:
        """Click the first element with this role whose name has ``name`` in it."""
        self.do(
            "await page.locator(given.within).getByRole(given.role, { name: given.name }).first().click();",
            role=role,
            name=name,
            within=within,
        )

    def fill(self, label: str, value: str, within: str = "body") -> None:
        """Fill the first field with this label."""
        self.do(
            "await page.locator(given.within).getByLabel(given.label).first().fill(given.value);",
            label=label,
            value=value,
            within=within,
        )

    def wait_for(self, text: str) -> None:
        """Wait until the page shows ``text``."""
        self.do("await page.getByText(given.text).first().waitFor();", text=text)

    def problems(self, *tags: str) -> list[str]:
        """Return the serious problems of accessibility: rule, what it says, and the elements. ``tags`` choose rules."""
        found = self.do(
            "await page.evaluate(given.axe);\n"
            "const rules = given.tags.length ? { runOnly: given.tags } : {};\n"
            "const chosen = { resultTypes: ['violations'], ...rules };\n"
            "const found = await page.evaluate((chosen) => axe.run(chosen), chosen);\n"
            "return found.violations.map(({ id, impact, help, nodes }) =>\n"
            "  ({ id, impact, help, nodes: nodes.map((node) => node.html + ' ' + (node.any[0]?.message ?? '')) }));",
            axe=self.browser.axe,
            tags=tags,
        )
        return [f"{one['id']}: {one['help']}: {one['nodes'][:3]}" for one in found if one["impact"] in SERIOUS]

    def screenshot(self, file: Path) -> None:
        """Write what the window shows to ``file``, a PNG."""
        self.do("await page.screenshot({ path: given.file });", file=str(file))

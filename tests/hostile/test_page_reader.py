"""Pages are read in a child process: no page exhausts the worker, harms another page or reaches a file or a key."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import pytest

from domain_scheduler.home_page import read_home_page
from scrapersky.errors import Permanent, Transient
from scrapersky.extraction.page import PageLimits
from scrapersky.runtime.context import Deadline
from scrapersky.settings import Settings
from scrapersky.web.fetched import Fetched, Headers
from scrapersky.web.reading.reader import PageReader
from tests.agreement.corpus import DEFAULT, Corpus
from tests.hostile.adversarial_pages import KINDS, Kind, adversarial_page

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux enforces RLIMIT_DATA and has /proc")

HOME_PAGE = "domain_scheduler.home_page:read_home_page"
ACT = "tests.hostile.child_functions:act"
OPTIONS: dict[str, Any] = {"host": "shop.example.com", "follow": True, "limits": asdict(PageLimits())}
MAX_GROWTH_KIB = 25 * 1_024
GOOD = b"<title>Shop</title><a href='mailto:info@shop-example.com'>Write to us</a><p>Open all day"

TITLE_TRICK = b"<title><script></title>"
BYPASSES = {
    "fonts behind a script in a title": TITLE_TRICK
    + b"".join(b"<p><font a=%d>" % number for number in range(500))
    + b"<p>x" * 2_500,
    "blocks behind a script in a title": TITLE_TRICK + b"<div>" * 80_000,
    "blocks behind a quote in an unquoted value": b"<p a=b'>" + b"<div>" * 80_000 + b"'>",
    "blocks behind a quote in a name": b'<p x">' + b"<div>" * 80_000 + b'">',
    "blocks behind a quote in an end tag": b"</p '>" + b"<div>" * 80_000 + b"'>",
    "blocks behind a script in MathML": b"<math></svg><script>" + b"<div>" * 80_000,
    "blocks behind a style in a title": b"<title><style></title>" + b"<div>" * 80_000,
    "end tags that create paragraphs": b"</p>x" * 400_000,
    "end tags that create line breaks": b"</br>x" * 330_000,
}


def of_size(piece: str, size: int = 1_900_000) -> str:
    return piece * (size // len(piece))


BOMBS = {
    "nested blocks": of_size("<div>"),
    "nested lists": of_size("<ul><li>"),
    "nested links": of_size("<a><div>"),
    "options": "<select>" + of_size("<option>"),
    "different fonts": "".join(f"<font a={i}>" for i in range(100_000)) + of_size("<p>", 1_000_000),
    "attributes": "<p " + " ".join(f"a{i}" for i in range(300_000)) + ">",
    "roots": "".join(f"<body a{i}=b>" for i in range(200_000)),
    "deep, then wide": "<div>" * (1_490) + of_size("<div></div>"),
    "an empty comment": "<!-->" + of_size("<div>"),
    "a comment that ends with --!>": "<!-- --!>" + of_size("<div>"),
    "a script inside svg": "<svg><script>" + of_size("<div>"),
    "a style inside svg": "<svg><style>" + of_size("<div>"),
    "noscript": "<noscript>" + of_size("<div>"),
    "a quote that never ends": of_size("<a '"),
    "tags that never end": of_size("<a "),
    "less-than signs": of_size("<"),
    "comments that never end": of_size("<!--"),
    "many tags with many attributes": of_size("<p " + " ".join(f"a{i}" for i in range(490)) + ">"),
}


WITHOUT_END = "<p>" + "".join(f"<font a={i}>" for i in range(90)) + "</p>"
MANY_NODES = {
    "elements": of_size("<b></b>"),
    "texts": of_size("<p>x"),
    "comments": of_size("<!---->"),
    "bogus comments": of_size("<?>"),
    "declarations": of_size("<!x>"),
    "attributes": of_size("<p " + " ".join(f"a{i}" for i in range(400)) + ">"),
    "formatting repeated in every block": WITHOUT_END + of_size("<p>x</p>"),
    "repeated formatting with attributes": WITHOUT_END.replace(">", " b c d e f g h i>") + of_size("<p>x</p>"),
    "more open formatting than allowed": WITHOUT_END.replace("90", "") * 10 + of_size("<i>x"),
    "links left open": of_size("<a href=x>x"),
    "bold in bold": of_size("<b><div>x</b></div>"),
}
ORDINARY = [
    "<p>" * 10_000,
    "<table>" + "<tr><td>x" * 10_000,
    "<img>" * 10_000 + "<br/>" * 10_000,
    "<script>" + "if (a<b && c<d) '<div>';" * 10_000 + "</script>",
    "<style>" + "<div>" * 10_000 + "</style>",
    "<!-- " + "<div>" * 10_000 + "-->",
    "<svg></svg><script>" + "'<div>'" * 10_000 + "</script>",
    "<div data-x='" + "a b " * 10_000 + "'>",
    "<div><span></span></div>" * 10_000,
    "<a href=/x><b>x</b></a> <i>y</i>" * 3_000,
    "<a name=x>x" * 5_000,
    "<b>x" * 300,
    "<svg><![CDATA[ <div> ]]></svg><p>x",
]


def a_page(body: bytes) -> Fetched:
    url = "https://shop.example.com/"
    return Fetched(
        200, url, url, (), Headers([("Content-Type", "text/html")]), body, truncated=False, wire_bytes=len(body)
    )


@pytest.fixture(scope="module")
def reader() -> Iterator[PageReader]:
    reader = PageReader(Settings(), [HOME_PAGE, ACT])
    yield reader
    reader.close()


def read(reader: PageReader, body: bytes) -> dict[str, Any]:
    return asyncio.run(reader.read(HOME_PAGE, a_page(body), **OPTIONS))


def act(reader: PageReader, what: str, body: bytes = b"") -> Coroutine[Any, Any, dict[str, Any]]:
    return reader.read(ACT, a_page(body), what=what)


def done(reader: PageReader, what: str) -> Any:
    return asyncio.run(act(reader, what))["result"]


def process_of(reader: PageReader) -> int:
    process: int = asyncio.run(act(reader, "nothing"))["process"]
    return process


def reset_peak() -> int:
    """Set the peak of resident memory back to what is held now, and return it in KiB."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


@contextmanager
def suppress_too_complex() -> Iterator[None]:
    try:
        yield
    except Permanent as error:
        if error.code != "too_complex":
            raise


@pytest.mark.skipif(not DEFAULT.exists(), reason="the corpus of real websites is not beside the checkout")
def test_a_real_home_page_is_read_in_the_child_as_in_the_process_itself(reader: PageReader) -> None:
    corpus = Corpus(DEFAULT)
    bodies = [corpus.read("sites", site["dir"], "index.html") for site in corpus.sites()]
    bodies += [corpus.read("derived_encodings", entry["file"]) for entry in corpus.derived_encodings()]
    assert len(bodies) > 51
    for body in bodies:
        here = read_home_page(a_page(body), **OPTIONS)
        assert read(reader, body) == json.loads(json.dumps(here))


@pytest.mark.parametrize("name", BYPASSES)
def test_a_page_that_bypassed_the_former_scan_is_too_complex_and_costs_the_parent_little(
    name: str, reader: PageReader
) -> None:
    read(reader, GOOD)
    before = reset_peak()
    with pytest.raises(Permanent, match="too_complex"):
        read(reader, BYPASSES[name])
    assert peak() - before < MAX_GROWTH_KIB
    assert read(reader, GOOD)["facts"]["title"] == "Shop"


@pytest.mark.parametrize("name", sorted(BOMBS | MANY_NODES))
def test_a_bomb_of_megabytes_is_read_or_too_complex(name: str, reader: PageReader) -> None:
    read(reader, GOOD)
    before = reset_peak()
    with suppress_too_complex():
        read(reader, (BOMBS | MANY_NODES)[name].encode())
    assert peak() - before < MAX_GROWTH_KIB


@pytest.mark.parametrize("ordinary", ORDINARY)
def test_a_long_but_ordinary_page_is_not_too_complex(ordinary: str, reader: PageReader) -> None:
    assert read(reader, b"<title>Shop</title>" + ordinary.encode())["facts"]["title"] == "Shop"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_generated_hostile_page_is_read_or_too_complex(kind: Kind, reader: PageReader) -> None:
    random = Random(f"20261128 {kind.__name__}")
    read(reader, GOOD)
    before = reset_peak()
    for _ in range(4):
        with suppress_too_complex():
            assert read(reader, adversarial_page(random, kind)).keys() <= {"rejected", "redirect", "facts"}
    assert peak() - before < MAX_GROWTH_KIB


def test_pages_read_beside_a_hostile_one_keep_their_facts(reader: PageReader) -> None:
    async def together() -> list[dict[str, Any] | BaseException]:
        bodies = [GOOD] * 3 + [BYPASSES["fonts behind a script in a title"]] + [GOOD] * 6
        reading = (reader.read(HOME_PAGE, a_page(body), **OPTIONS) for body in bodies)
        return await asyncio.gather(*reading, return_exceptions=True)

    results = asyncio.run(together())
    assert isinstance(results.pop(3), Permanent)
    assert [isinstance(each, dict) and each["facts"]["title"] for each in results] == ["Shop"] * 9


@pytest.mark.parametrize(
    "what",
    ["read the parent's environment", "open a file", "write a file", "open a socket", "start a process"],
)
def test_the_child_can_open_nothing(what: str, reader: PageReader) -> None:
    assert done(reader, what) == "OSError"


def test_the_child_has_no_key_in_its_environment(reader: PageReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    reader.close()
    assert done(reader, "return the environment").keys() <= {
        "PYTHONPATH",
        "LD_LIBRARY_PATH",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "PATH",
    }


@pytest.mark.parametrize(
    ("what", "reason"), [("allocate without end", "more than 128 MB"), ("spin", "more than 1 s of processor time")]
)
def test_a_limit_ends_the_child_and_names_itself(what: str, reason: str, reader: PageReader) -> None:
    with pytest.raises(Permanent, match=reason):
        done(reader, what)


def test_a_child_that_holds_much_memory_after_a_page_is_replaced(reader: PageReader) -> None:
    before = process_of(reader)
    done(reader, "hold memory")
    assert process_of(reader) != before


def test_a_child_that_dies_is_a_failure_that_may_pass_and_the_next_page_is_read(reader: PageReader) -> None:
    with pytest.raises(Transient, match="reader_died"):
        done(reader, "kill itself")
    assert read(reader, GOOD)["facts"]["title"] == "Shop"


def test_a_child_that_died_between_two_pages_is_replaced(reader: PageReader) -> None:
    process = process_of(reader)
    os.kill(process, signal.SIGKILL)
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    assert read(reader, GOOD)["facts"]["title"] == "Shop"


def test_an_exception_in_the_child_names_its_place_and_not_the_page(reader: PageReader) -> None:
    with pytest.raises(RuntimeError, match=r"ValueError in child_functions\.py:\d+") as raised:
        asyncio.run(act(reader, "raise", b"info@shop-example.com"))
    assert "info@" not in str(raised.value)


def test_one_child_serves_one_event_loop_after_the_other(reader: PageReader) -> None:
    assert process_of(reader) == process_of(reader)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the state of another process has no event
            await asyncio.sleep(0.01)


def is_stopped(process: int) -> bool:
    return "State:\tT" in Path(f"/proc/{process}/status").read_text()


def test_a_cancelled_record_takes_its_child_along_and_the_next_page_is_read(reader: PageReader) -> None:
    process = process_of(reader)

    async def cancelled() -> None:
        task = asyncio.ensure_future(act(reader, "stop itself"))
        await until(lambda: is_stopped(process))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancelled())
    assert not Path(f"/proc/{process}").exists()
    assert read(reader, GOOD)["facts"]["title"] == "Shop"


def test_a_child_that_was_frozen_and_thawed_goes_on(reader: PageReader) -> None:
    process = process_of(reader)

    async def frozen() -> int:
        task = asyncio.ensure_future(act(reader, "stop itself"))
        await until(lambda: is_stopped(process))
        os.kill(process, signal.SIGCONT)
        result: int = (await task)["process"]
        return result

    assert asyncio.run(frozen()) == process


def test_waiting_for_the_child_does_not_count_against_a_records_deadline(reader: PageReader) -> None:
    process = process_of(reader)

    async def two_records() -> Any:
        first = asyncio.ensure_future(act(reader, "stop itself"))
        await until(lambda: is_stopped(process))
        deadline = Deadline(seconds=0.5)
        at = deadline.at

        async def second() -> Any:
            async with deadline.enforced():
                return await reader.read(HOME_PAGE, a_page(GOOD), waiting=deadline.paused, **OPTIONS)

        waiting = asyncio.ensure_future(second())
        await until(lambda: asyncio.get_running_loop().time() > at)
        os.kill(process, signal.SIGCONT)
        await first
        return await waiting

    assert asyncio.run(two_records())["facts"]["title"] == "Shop"


def test_the_time_of_waiting_ends_with_the_invocation(reader: PageReader) -> None:
    process = process_of(reader)

    async def waits_too_long() -> None:
        first = asyncio.ensure_future(act(reader, "stop itself"))
        await until(lambda: is_stopped(process))
        deadline = Deadline(seconds=0.1, end=asyncio.get_running_loop().time() + 0.2)
        try:
            async with deadline.enforced():
                await reader.read(HOME_PAGE, a_page(GOOD), waiting=deadline.paused, **OPTIONS)
        finally:
            assert deadline.is_end
            os.kill(process, signal.SIGCONT)
            await first

    with pytest.raises(TimeoutError):
        asyncio.run(waits_too_long())
    assert process_of(reader) == process

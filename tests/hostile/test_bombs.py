"""Hostile inputs that are bombs: each comes to its outcome with little memory, within its deadline and a second.

How memory and time are measured stands in :mod:`tests.hostile.lone`.
"""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.answers import slam
from tests.hostile.bombs import BOMBS, EVIL, LARGE, Bomb, sites
from tests.hostile.server import Internet, hostile_internet

MOST_KIB = 25 * 1_024

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="resident memory is read from Linux's /proc"
)


@dataclass
class Cellar:
    """The servers of all bombs, and the process that is forked to read each."""

    internet: Internet
    reader: subprocess.Popen[str]

    def ask(self, name: str, bomb: Bomb, *, seconds: float) -> dict[str, Any]:
        """What came of a bomb whose job has so many ``seconds``: ``{"code", "kib", "seconds"}``."""
        assert self.reader.stdin is not None
        assert self.reader.stdout is not None
        host = f"bomb-{name}.example"
        settings = {
            "web_loopback_internet": str(self.internet.settings.web_loopback_internet),
            "web_host_interval_seconds": 0,
            "web_request_deadline_seconds": seconds / 2,
            "record_deadline_seconds": seconds,
            "places_base_url": f"http://{host}",
            **bomb.settings,
        }
        path = "/sitemap.xml" if bomb.job == "import" else "/"
        request = {"job": bomb.job, "host": host, "path": path, "settings": settings}
        self.reader.stdin.write(json.dumps(request) + "\n")
        self.reader.stdin.flush()
        answer: dict[str, Any] = json.loads(self.reader.stdout.readline())
        return answer


@pytest.fixture(scope="module")
def cellar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cellar]:
    """Started once for all bombs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    serving = hostile_internet(sites(), tmp_path_factory.mktemp("bombs"), on_tls_port=slam)
    internet = asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result()
    reader = subprocess.Popen(
        [sys.executable, "-m", "tests.hostile.lone"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Cellar(internet, reader)
    finally:
        reader.kill()
        reader.communicate()
        asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.parametrize(("name", "bomb"), BOMBS.items(), ids=BOMBS)
def test_a_bomb_comes_to_its_outcome_and_takes_little_memory(name: str, bomb: Bomb, cellar: Cellar) -> None:
    seen = cellar.ask(name, bomb, seconds=1 if bomb.code == "timeout" else 60)
    assert seen["code"] == bomb.code
    assert seen["kib"] < MOST_KIB
    assert not [asked.url for asked in cellar.internet.asked if EVIL in asked.url]


@pytest.mark.parametrize(("name", "bomb"), BOMBS.items(), ids=BOMBS)
def test_a_bomb_outlives_its_deadline_by_less_than_a_second(name: str, bomb: Bomb, cellar: Cellar) -> None:
    assert cellar.ask(name, bomb, seconds=2)["seconds"] < 3


def test_an_honest_sitemap_of_50_mb_takes_no_more_memory_than_one_of_10(cellar: Cellar) -> None:
    seen = {megabytes: cellar.ask(f"large-{megabytes}", bomb, seconds=120) for megabytes, bomb in LARGE.items()}
    assert [each["code"] for each in seen.values()] == ["imported", "imported"]
    assert seen[50]["kib"] < seen[10]["kib"] + 2_048
    assert seen[50]["kib"] < MOST_KIB

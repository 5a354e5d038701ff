"""Bombs: each ends with its outcome, in little memory, and at most a second after its deadline.

:mod:`tests.hostile.isolated` describes how memory and time are measured.
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

from tests.hostile.bombs import BOMBS, EVIL, LARGE, Bomb, sites
from tests.hostile.server import Internet, hostile_internet, reset

MAX_KIB = 25 * 1_024

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="resident memory is read from Linux's /proc"
)


@dataclass
class BombRange:
    """The servers of all bombs, and the process that is forked to read each bomb."""

    internet: Internet
    reader: subprocess.Popen[str]

    def read(self, name: str, bomb: Bomb, *, seconds: float) -> dict[str, Any]:
        """Read a bomb with a deadline of ``seconds``; return ``{"code", "kib", "seconds"}``."""
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
def bomb_range(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BombRange]:
    """One instance for all bombs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    serving = hostile_internet(sites(), tmp_path_factory.mktemp("bombs"), on_tls_port=reset)
    internet = asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result()
    reader = subprocess.Popen(
        [sys.executable, "-m", "tests.hostile.isolated"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield BombRange(internet, reader)
    finally:
        reader.kill()
        reader.communicate()
        asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.parametrize(("name", "bomb"), BOMBS.items(), ids=BOMBS)
def test_a_bomb_ends_with_its_outcome_and_takes_little_memory(name: str, bomb: Bomb, bomb_range: BombRange) -> None:
    result = bomb_range.read(name, bomb, seconds=1 if bomb.code == "timeout" else 60)
    assert result["code"] == bomb.code
    assert result["kib"] < MAX_KIB
    assert not [request.url for request in bomb_range.internet.requests if EVIL in request.url]


@pytest.mark.parametrize(("name", "bomb"), BOMBS.items(), ids=BOMBS)
def test_a_bomb_exceeds_its_deadline_by_less_than_a_second(name: str, bomb: Bomb, bomb_range: BombRange) -> None:
    assert bomb_range.read(name, bomb, seconds=2)["seconds"] < 3


def test_a_valid_sitemap_of_50_mb_takes_no_more_memory_than_one_of_10_mb(bomb_range: BombRange) -> None:
    result = {megabytes: bomb_range.read(f"large-{megabytes}", bomb, seconds=120) for megabytes, bomb in LARGE.items()}
    assert [each["code"] for each in result.values()] == ["imported", "imported"]
    assert result[50]["kib"] < result[10]["kib"] + 2_048
    assert result[50]["kib"] < MAX_KIB

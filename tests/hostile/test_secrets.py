"""A key that is sent as a header never appears in an error or a log line."""

import asyncio
import logging
import socket
import traceback
from pathlib import Path

import pytest

from scrapersky.web.client import FetchError
from tests.hostile.server import Answer, answer, dripping, hostile_internet, raw, redirect, reset, silence

KEY = "AIzaSyVerySecret"
ANSWERS: dict[str, Answer] = {
    "silence": silence,
    "reset": reset,
    "noise": raw(b"noise"),
    "long-header": raw(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000 + b"\r\n\r\n"),
    "echo": raw(b"HTTP/1.1 200 OK\r\nX-Goog-Api-Key: " + KEY.encode() + b"\x00\r\n\r\n"),
    "cut": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
    "drip": dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "redirect": redirect("http://127.0.0.1/"),
    "loop": redirect("/"),
    "encoding": answer(200, b"x", {"Content-Encoding": "br"}),
    "403": answer(403),
}


@pytest.mark.parametrize("name", [*ANSWERS, "no-host", "no-server"])
def test_a_key_in_a_header_appears_in_no_error_and_no_log_line(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def go() -> FetchError:
        sites = {"api.example": {"/": ANSWERS.get(name, silence)}}
        async with hostile_internet(sites, tmp_path) as internet:
            if name == "no-server":
                _close_http_port(internet.settings.web_loopback_internet)
            host = "nowhere.example" if name == "no-host" else "api.example"
            async with internet.client() as web:
                try:
                    page = await web.get(f"http://{host}/", headers={"X-Goog-Api-Key": KEY}, robots=False, deadline=0.3)
                    page.raise_for_status()
                except FetchError as failure:
                    return failure
        raise AssertionError(f"{name} was fetched: {page}")

    failure = asyncio.run(go(), debug=True)
    chain: list[BaseException | None] = [failure, failure.__cause__, failure.__context__]
    assert chain[1:] == [None, None]
    assert KEY not in "".join(traceback.format_exception(failure)) + repr(failure) + str(vars(failure))
    assert KEY not in caplog.text


def _close_http_port(file: Path | None) -> None:
    """Point the loopback internet at a port without a listener."""
    assert file is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = file.read_text().splitlines()
    file.write_text("\n".join(f'"http_port": {port},' if "http_port" in line else line for line in text))

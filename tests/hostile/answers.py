"""What a hostile server may send."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""Sends what it likes over one connection, whose request has been read."""


def raw(*parts: bytes) -> Answer:
    """Sends exactly ``parts`` and closes."""

    async def send(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    return send


def answer(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
    """A correct HTTP answer."""
    fields = {"Content-Type": "text/html", "Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return raw(f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode("utf-8", "surrogateescape") + body)


def redirect(location: str, status: int = 302, headers: Mapping[str, str] | None = None) -> Answer:
    """A redirect to ``location``, whatever that is."""
    return answer(status, headers={"Location": location, **(headers or {})})


def endless(start: bytes, piece: bytes) -> Answer:
    """Sends ``start`` and then ``piece`` as fast as it is taken, for ever."""

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    return send


def dripping(start: bytes, piece: bytes, seconds: float = 0.05) -> Answer:
    """Sends ``start`` and then ``piece`` again and again, with a pause: no read ever times out."""

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(seconds)

    return send


async def silence(writer: asyncio.StreamWriter) -> None:
    """Says nothing and keeps the connection."""
    await asyncio.Event().wait()


async def slam(writer: asyncio.StreamWriter) -> None:
    """Resets the connection."""
    writer.transport.abort()

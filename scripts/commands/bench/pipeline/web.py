"""A slow web on loopback, in a process of its own: real home pages under many names, each with its own latency.

Most hosts answer in 50 to 300 ms, some in seconds, some never, and some names do not exist. The kind of a host follows
from its number, so that every contender meets the same web.
"""

import asyncio
import datetime
import ssl
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scrapersky.web.loopback import LoopbackInternet
from scripts.commands.bench.child import Child
from scripts.commands.bench.peers import ROOT

CORPUS = ROOT.parent / "shared" / "corpus" / "sites"
SHIPPED = ROOT / "scripts" / "commands" / "run" / "sites"
DOMAIN = "bench.example"
OUT_OF_EVERY = 100
DEAD, HANGING, SLOW = 3, 2, 3
"""Of every hundred hosts: names that do not exist, hosts that never answer, hosts that take two to four seconds."""
FOREVER_SECONDS = 600
FIRST_ANSWERING = 1
"""The number of a host that answers fast."""
ROBOTS = b"User-agent: *\nAllow: /\n"


@dataclass(frozen=True)
class Host:
    """The host ``number``: whether its name exists, and the seconds it takes to answer (None: never)."""

    number: int
    exists: bool
    seconds: float | None

    @property
    def name(self) -> str:
        """Return its name."""
        return f"s{self.number:06}.{DOMAIN}"


def host(number: int, *, slow: bool = False) -> Host:
    """Return the host ``number``: any hundred numbers in a row have all kinds. ``slow``: each takes 3 to 10 seconds."""
    if slow:
        return Host(number, exists=True, seconds=3 + number * 7919 % 7001 / 1000)
    place = number * 37 % OUT_OF_EVERY
    if place < DEAD:
        return Host(number, exists=False, seconds=None)
    if place < DEAD + HANGING:
        return Host(number, exists=True, seconds=None)
    if place < DEAD + HANGING + SLOW:
        return Host(number, exists=True, seconds=2 + number % 21 / 10)
    return Host(number, exists=True, seconds=0.05 + number * 7919 % 251 / 1000)


def home_pages(corpus: Path = CORPUS) -> list[bytes]:
    """Return the home pages of the corpus where it is present, else those of the local run's sites."""
    pages = sorted(corpus.glob("*/index.html")) or sorted(SHIPPED.glob("*/index.html"))
    return [page.read_bytes() for page in pages]


def serve(folder: str, hosts: int, slow: bool) -> None:
    """Serve hosts 1 … ``hosts`` until the process is killed; write ``folder/internet.json`` when ready."""
    asyncio.run(_serve(Path(folder), [host(number, slow=slow) for number in range(1, hosts + 1)]))


async def _serve(folder: Path, hosts: Sequence[Host]) -> None:
    by_name = {one.name: one for one in hosts if one.exists}
    pages = home_pages()

    async def answer(request: web.Request) -> web.StreamResponse:
        one = by_name.get((request.host or "").partition(":")[0])
        if one is None:
            return web.Response(status=404)
        await asyncio.sleep(FOREVER_SECONDS if one.seconds is None else one.seconds)
        if request.path == "/robots.txt":
            return web.Response(body=ROBOTS, content_type="text/plain")
        return web.Response(body=pages[one.number % len(pages)], content_type="text/html")

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
    await runner.setup()
    plain = web.TCPSite(runner, "127.0.0.1", 0, backlog=1_024)
    secure = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=_certified(folder), backlog=1_024)
    for site in (plain, secure):
        await site.start()
    (_, http_port), (_, https_port) = (address[:2] for address in runner.addresses)
    description = LoopbackInternet(
        http_port=http_port, https_port=https_port, ca_file=folder / "ca.pem", hosts=frozenset(by_name)
    )
    description.write(folder / "internet.part")
    (folder / "internet.part").rename(folder / "internet.json")
    await asyncio.Event().wait()


def _certified(folder: Path) -> ssl.SSLContext:
    """Return a TLS context with a self-signed certificate for every name below the domain."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The slow web on loopback")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(f"*.{DOMAIN}")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    own = folder / "key.pem"
    own.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", own)
    own.unlink()
    return context


@contextmanager
def running(folder: Path, hosts: int, *, slow: bool = False) -> Iterator[tuple[Path, int]]:
    """Run the web in a process of its own until the block ends: the value of ``WEB_LOOPBACK_INTERNET``, and its id."""
    folder.mkdir(parents=True, exist_ok=True)
    child = Child.start(
        sys.executable, "scripts.commands.bench.pipeline.web", "serve", folder=str(folder), hosts=hosts, slow=slow
    )
    try:
        while not (folder / "internet.json").is_file():
            if child.process.poll() is not None:
                child.answer()
            time.sleep(0.05)
        yield folder / "internet.json", child.process.pid
    finally:
        child.process.kill()
        child.process.communicate()

"""A DNS server on loopback, by UDP and TCP on one port: which domains of the small internet take mail."""

import socketserver
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Literal

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

ADDRESS = "127.0.0.1"
POLL_SECONDS = 0.02
PORTS_TRIED = 20

Respond = Callable[[bytes, bool], Sequence[bytes]]
"""(a query as received, whether by TCP) → the messages to send back, in any form."""

Mail = Literal["mx", "null_mx", "address", "nxdomain", "busy", "silent"]
"""How a domain takes mail: by a mail server, not at all, by its own address, it does not exist; ``busy``: the first query
ends in SERVFAIL, then there is a mail server; ``silent``: no query is ever answered."""

RECORDS: Mapping[Mail, Mapping[str, str]] = {
    "mx": {"MX": "10 mail.{name}.", "A": "192.0.2.25"},
    "null_mx": {"MX": "0 .", "A": "192.0.2.25"},
    "address": {"A": "192.0.2.25"},
    "busy": {"MX": "10 mail.{name}.", "A": "192.0.2.25"},
}
SECONDS = 300
"""The time to live of the records."""


class Zone:
    """The answers for ``domains``: {name: how it takes mail}. Other names do not exist. ``asked`` counts the queries."""

    def __init__(self, domains: Mapping[str, Mail]) -> None:
        self.asked: Counter[str] = Counter()
        self._domains = domains

    def __call__(self, wire: bytes, _: bool) -> Sequence[bytes]:
        """Return the response to a query."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        self.asked[name] += 1
        mail = self._domains.get(name, "nxdomain")
        if mail == "silent":
            return []
        response = dns.message.make_response(query, recursion_available=True)
        if mail == "nxdomain":
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif mail == "busy" and self.asked[name] == 1:
            response.set_rcode(dns.rcode.SERVFAIL)
        else:
            kind = dns.rdatatype.to_text(question.rdtype)
            if record := RECORDS[mail].get(kind):
                text = record.format(name=name)
                response.answer.append(dns.rrset.from_text(question.name, SECONDS, "IN", kind, text))
        return [response.to_wire()]


@contextmanager
def answering(respond: Respond) -> Iterator[str]:
    """Answer DNS queries until the block ends; yield the address, the value for ``DNS_LOOPBACK_SERVER``."""

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            query, socket = self.request
            for message in respond(query, False):
                socket.sendto(message, self.client_address)

    class Tcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            query = self.rfile.read(int.from_bytes(self.rfile.read(2), "big"))
            for message in respond(query, True):
                self.wfile.write(len(message).to_bytes(2, "big") + message)

    with ExitStack() as stack:
        udp, tcp = _on_one_port(stack, Udp, Tcp)
        for server in (udp, tcp):
            thread = threading.Thread(
                target=server.serve_forever, args=(POLL_SECONDS,), name="name server", daemon=True
            )
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
        yield f"{ADDRESS}:{udp.server_address[1]}"


def _on_one_port(
    stack: ExitStack, udp: type[socketserver.BaseRequestHandler], tcp: type[socketserver.BaseRequestHandler]
) -> tuple[socketserver.ThreadingUDPServer, socketserver.ThreadingTCPServer]:
    """Return the servers; a port that is free for UDP may be taken for TCP."""
    for _ in range(PORTS_TRIED):
        datagrams = socketserver.ThreadingUDPServer((ADDRESS, 0), udp)
        try:
            streams = socketserver.ThreadingTCPServer(datagrams.server_address, tcp)
        except OSError:
            datagrams.server_close()
            continue
        return stack.enter_context(datagrams), stack.enter_context(streams)
    raise OSError(f"no port of {ADDRESS} was free for both UDP and TCP in {PORTS_TRIED} tries")

"""Responses of a DNS server, right and hostile, for the tests of what asks it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from scripts.commands.run.internet.name_server import Respond

Message = Any
"""A DNS message; the class of dnspython depends on its opcode."""


@dataclass
class Recording:
    """Passes queries on, and records the type of each, and whether it came by TCP."""

    respond: Respond
    asked: list[tuple[str, bool]] = field(default_factory=list)

    def __call__(self, wire: bytes, by_tcp: bool) -> Sequence[bytes]:
        """Return the response to one query."""
        query = dns.message.from_wire(wire)
        self.asked.append((dns.rdatatype.to_text(query.question[0].rdtype), by_tcp))
        return self.respond(wire, by_tcp)

    @property
    def types(self) -> list[str]:
        """The types that were asked for, in order."""
        return [kind for kind, _ in self.asked]


def response(wire: bytes, *records: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> Message:
    """Return a response with ``records`` ("name type text"; @ is the name in question) in its answer, of any type."""
    query = dns.message.from_wire(wire)
    made = dns.message.make_response(query)
    made.set_rcode(rcode)
    for record in records:
        name, kind, text = record.split(" ", 2)
        owner = query.question[0].name.to_text() if name == "@" else name
        made.answer.append(dns.rrset.from_text(owner, 300, "IN", kind, text))
    return made


def zone(
    *records: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR, change: Callable[[Message], None] = lambda _: None
) -> Respond:
    """Return what answers each query with those of ``records`` that have its type, and with all aliases.

    ``change`` is made to each response.
    """

    def respond(wire: bytes, _: bool) -> Sequence[bytes]:
        kind = dns.rdatatype.to_text(dns.message.from_wire(wire).question[0].rdtype)
        made = response(wire, *(one for one in records if one.split(" ")[1] in {kind, "CNAME"}), rcode=rcode)
        change(made)
        return [made.to_wire(max_size=65_535)]

    return respond

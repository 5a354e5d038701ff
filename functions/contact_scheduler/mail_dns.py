"""Ask DNS whether a domain takes mail, as a mail server would before it connects (RFC 5321, section 5.1; RFC 7505).

Only the system's resolver is asked, and nothing that it answers is ever connected to. The answer is hostile input: its
owner may be anyone. A datagram that does not answer the question (another id, another name, no message at all) is
ignored, and a look-up ends after the given seconds, whatever arrives.
"""

import asyncio
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import dns.asyncquery
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from email_validator import EmailNotValidError, validate_email

from scrapersky.errors import Misconfigured, Transient
from scrapersky.settings import Settings
from scrapersky.vocabulary import EmailCheck

DATAGRAM_BYTES = 1_232
"""The largest answer that we accept by UDP without fragments (DNS flag day 2020); a longer one comes by TCP."""

PRIVATE = (".internal", ".alt")
"""Ends of names that only private networks have (ICANN, RFC 9476); email-validator knows the older ones."""

INVALID_ADDRESS = "invalid_address"
RESULTS = {
    "mx": EmailCheck.VALID,  # it names mail servers
    "address": EmailCheck.VALID,  # it names none, and has an address, which then takes the mail
    "null_mx": EmailCheck.INVALID,  # it states that it takes no mail
    "no_mx": EmailCheck.INVALID,  # it has neither mail servers nor an address
    "nxdomain": EmailCheck.INVALID,  # it does not exist
    INVALID_ADDRESS: EmailCheck.INVALID,  # not asked
}
"""{reason: result}."""


class Server(NamedTuple):
    """A resolver's address."""

    host: str
    port: int = 53


class LookupFailed(Transient):
    """DNS gave no usable answer: ``dns_timeout``, ``dns_servfail``, or ``dns_failed`` for everything else."""


def mail_domain_of(address: str, *, reserved: bool = False) -> str:
    """Return the domain of an e-mail address as DNS holds it: lower case, punycode, at least two labels.

    Raises ValueError for a malformed address, for a name that IDNA or DNS does not allow, for IP addresses, and for names
    that the internet does not have (RFC 6761), such as ``printer.local``; ``reserved`` allows ``.test`` and ``.example``.
    """
    try:
        parsed = validate_email(address, check_deliverability=False, test_environment=reserved)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
    domain = str(parsed.ascii_domain).lower()
    if domain.endswith(PRIVATE):
        raise ValueError(f"{domain} is a name of private networks only")
    return domain


def server_for(settings: Settings, failures: int) -> Server:
    """Return the resolver to ask after ``failures``: the system's in turn, or the server of the local run.

    Raises Misconfigured ``no_resolver``.
    """
    if settings.dns_loopback_server:
        host, _, port = settings.dns_loopback_server.rpartition(":")
        return Server(host.strip("[]"), int(port))
    try:
        known = _system_servers()
    except dns.exception.DNSException as error:
        raise Misconfigured("no_resolver", f"the system has no DNS resolver: {error}") from None
    return known[failures % len(known)]


@cache
def _system_servers() -> tuple[Server, ...]:
    return tuple(Server(str(host)) for host in dns.resolver.Resolver().nameservers)


async def find_reason(domain: str, server: Server, seconds: float) -> str:
    """Return why ``domain`` takes mail or does not: a key of :data:`RESULTS`. Raises :class:`LookupFailed`.

    Makes two look-ups at most, of its mail servers and of its address, each once, within ``seconds`` together.
    """
    name = dns.name.from_text(domain)
    try:
        async with asyncio.timeout(seconds):
            return await _reason(name, server)
    except TimeoutError:
        raise LookupFailed("dns_timeout", f"DNS gave no answer for {domain} within {seconds:g} s") from None
    except (dns.exception.DNSException, OSError, EOFError) as error:
        raise LookupFailed("dns_failed", f"DNS gave no usable answer for {domain}: {type(error).__name__}") from None


async def _reason(name: dns.name.Name, server: Server) -> str:
    found = await _look_up(name, dns.rdatatype.MX, server)
    if found is None:
        return "nxdomain"
    if found:
        takes_none = all(isinstance(record, MX) and record.exchange == dns.name.root for record in found)
        return "null_mx" if takes_none else "mx"
    for kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
        if await _look_up(name, kind, server):
            return "address"
    return "no_mx"


async def _look_up(
    name: dns.name.Name, kind: dns.rdatatype.RdataType, server: Server
) -> Sequence[dns.rdata.Rdata] | None:
    """Return the records of ``kind``, at the end of any chain of aliases; None if the name does not exist."""
    query = dns.message.make_query(name, kind, use_edns=0, payload=DATAGRAM_BYTES)
    answer, _ = await dns.asyncquery.udp_with_fallback(
        query, server.host, port=server.port, ignore_unexpected=True, ignore_errors=True
    )
    code = answer.rcode()
    if code not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        word = dns.rcode.to_text(code)
        shown = "dns_servfail" if code == dns.rcode.SERVFAIL else "dns_failed"
        raise LookupFailed(shown, f"the DNS resolver answered {word} for {name.to_text(omit_final_dot=True)}")
    assert isinstance(answer, dns.message.QueryMessage)  # it has the opcode of the query
    found = answer.resolve_chaining().answer  # raises for a loop of aliases, or one of more than 16
    if code == dns.rcode.NXDOMAIN:
        return None
    return list(found) if found is not None else []

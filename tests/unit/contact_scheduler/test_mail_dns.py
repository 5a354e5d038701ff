"""Whether a domain takes mail, asked of a real server on loopback: right answers, missing ones and hostile ones."""

import asyncio
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dns.flags
import dns.name
import dns.opcode
import dns.rcode
import dns.resolver
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contact_scheduler import mail_dns
from contact_scheduler.mail_dns import RESULTS, LookupFailed, find_reason, mail_domain_of, server_for
from scrapersky.errors import Misconfigured
from scrapersky.settings import Settings, SettingsError, load
from scripts.commands.run.internet.name_server import Respond, answering
from tests.name_server import Message, Recording, response, zone

DOMAIN = "shop.example"
MX, NULL_MX, A, AAAA = "@ MX 10 mail.shop.example.", "@ MX 0 .", "@ A 192.0.2.1", "@ AAAA 2001:db8::1"
SOON = 0.2
"""Seconds after which a look-up ends in the tests of servers that do not answer."""


def ask(respond: Respond, seconds: float = 5, domain: str = DOMAIN) -> str:
    """Return the reason, or the code of the failure."""
    with answering(respond) as address:
        server = server_for(Settings(dns_loopback_server=address), 0)
        try:
            return asyncio.run(find_reason(domain, server, seconds))
        except LookupFailed as error:
            return error.code


@pytest.mark.parametrize(
    ("records", "reason", "asked"),
    [
        ([MX], "mx", ["MX"]),
        ([MX, "@ MX 20 backup.other.example.", A], "mx", ["MX"]),
        ([NULL_MX, A], "null_mx", ["MX"]),
        (["@ MX 10 ."], "null_mx", ["MX"]),
        ([NULL_MX, MX], "mx", ["MX"]),
        ([A], "address", ["MX", "A"]),
        ([AAAA], "address", ["MX", "A", "AAAA"]),
        ([], "no_mx", ["MX", "A", "AAAA"]),
        (["@ TXT v=spf1"], "no_mx", ["MX", "A", "AAAA"]),
        (["@ CNAME b.example.", "b.example. MX 10 mail.b.example."], "mx", ["MX"]),
        (["@ CNAME b.example.", "b.example. MX 0 ."], "null_mx", ["MX"]),
        (["@ CNAME b.example.", "b.example. A 192.0.2.1"], "address", ["MX", "A"]),
        (["other.example. MX 10 mail.other.example."], "no_mx", ["MX", "A", "AAAA"]),
    ],
)
def test_the_records_of_a_domain_decide_and_each_type_is_asked_for_once(
    records: list[str], reason: str, asked: list[str]
) -> None:
    server = Recording(zone(*records))
    assert ask(server) == reason
    assert server.types == asked
    assert reason in RESULTS


@pytest.mark.parametrize(
    ("rcode", "reason"),
    [
        (dns.rcode.NXDOMAIN, "nxdomain"),
        (dns.rcode.SERVFAIL, "dns_servfail"),
        (dns.rcode.REFUSED, "dns_failed"),
        (dns.rcode.FORMERR, "dns_failed"),
        (dns.rcode.NOTIMP, "dns_failed"),
        (dns.rcode.BADVERS, "dns_failed"),
    ],
)
def test_a_response_code_other_than_success_ends_the_look_up(rcode: dns.rcode.Rcode, reason: str) -> None:
    server = Recording(zone(rcode=rcode))
    assert ask(server) == reason
    assert server.types == ["MX"]


def test_an_alias_of_a_name_that_does_not_exist_does_not_exist() -> None:
    assert ask(zone("@ CNAME gone.example.", rcode=dns.rcode.NXDOMAIN)) == "nxdomain"


def test_a_failure_of_the_second_look_up_leaves_the_result_unknown() -> None:
    def respond(wire: bytes, by_tcp: bool) -> Sequence[bytes]:
        return zone()(wire, by_tcp) if len(server.asked) == 1 else zone(rcode=dns.rcode.SERVFAIL)(wire, by_tcp)

    server = Recording(respond)
    assert ask(server) == "dns_servfail"
    assert server.types == ["MX", "A"]


def chain(length: int, *, loop: bool = False) -> list[str]:
    """Return aliases from the name in question to a name with a mail server, or back to it."""
    names = ["@", *(f"n{number}.example." for number in range(length - 1))]
    ends = [*names[1:], f"{DOMAIN}." if loop else "end.example."]
    aliases = [f"{name} CNAME {end}" for name, end in zip(names, ends, strict=True)]
    return aliases if loop else [*aliases, "end.example. MX 10 mail.end.example."]


def test_aliases_are_followed_to_the_sixteenth_and_a_loop_is_not_followed() -> None:
    assert ask(zone(*chain(10))) == "mx"
    assert ask(zone(*chain(20))) == "dns_failed"
    assert ask(zone(*chain(1, loop=True))) == "dns_failed"
    assert ask(zone(*chain(3, loop=True))) == "dns_failed"


def test_a_name_that_does_not_exist_and_has_records_is_a_broken_answer() -> None:
    assert ask(zone(MX, rcode=dns.rcode.NXDOMAIN)) == "dns_failed"


# --- size and transport


def truncated(then: Respond) -> Respond:
    """Return what answers by UDP that the answer is too long, and by TCP as ``then``."""

    def cut(made: Message) -> None:
        made.flags |= dns.flags.TC

    by_udp = zone(change=cut)
    return lambda wire, by_tcp: then(wire, by_tcp) if by_tcp else by_udp(wire, by_tcp)


def test_a_truncated_answer_is_asked_for_again_by_tcp() -> None:
    server = Recording(truncated(zone(MX)))
    assert ask(server) == "mx"
    assert server.asked == [("MX", False), ("MX", True)]


@pytest.mark.parametrize(
    ("by_tcp", "code"),
    [
        ([], "dns_failed"),  # it closes
        ([b""], "dns_failed"),
        ([b"\0" * 40], "dns_failed"),
        ([b"no message at all"], "dns_failed"),
    ],
    ids=["closed", "empty", "zeros", "text"],
)
def test_a_truncated_answer_without_a_whole_one_leaves_the_result_unknown(by_tcp: list[bytes], code: str) -> None:
    assert ask(truncated(lambda _, __: by_tcp)) == code


def test_an_answer_by_tcp_with_another_id_leaves_the_result_unknown() -> None:
    assert ask(truncated(zone(MX, change=with_another_id))) == "dns_failed"


def test_the_largest_message_is_read() -> None:
    long = [f"@ MX {number} {'m' * 60}.{'x' * 55}{number}.example." for number in range(480)]
    server = Recording(truncated(zone(*long)))
    assert ask(server) == "mx"
    assert len(zone(*long)(dns.message.make_query(DOMAIN, "MX").to_wire(), True)[0]) > 60_000
    assert ask(zone(*long[:100])) == "mx"  # a datagram larger than the query allows


# --- answers that are none


def with_another_id(made: Message) -> None:
    made.id = (made.id + 1) % 65_536


def as_a_query(made: Message) -> None:
    made.flags &= ~dns.flags.QR


def of_another_name(made: Message) -> None:
    made.question[0].name = dns.name.from_text("other.example")


def of_another_type(made: Message) -> None:
    made.question[0].rdtype = dns.rdatatype.TXT


def as_a_notification(made: Message) -> None:
    made.set_opcode(dns.opcode.NOTIFY)


def cut_with_another_id(made: Message) -> None:
    with_another_id(made)
    made.flags |= dns.flags.TC


FORGED: dict[str, Respond] = {
    change.__name__: zone(NULL_MX, change=change)
    for change in (with_another_id, as_a_query, of_another_name, of_another_type, as_a_notification)
} | {
    "truncated_with_another_id": zone(change=cut_with_another_id),
    "no_message": lambda _, __: [b"", b"\xff" * 11, b"\0" * 12, b"text"],
    "cut": lambda wire, _: [response(wire, NULL_MX).to_wire()[:-3]],
    "a_name_that_points_to_itself": lambda wire, _: [wire[:2] + b"\x84\0\0\1\0\0\0\0\0\0" + b"\xc0\x0c\0\x0f\0\1"],
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_datagram_that_is_not_the_answer_is_ignored(forged: Respond) -> None:
    right = zone(MX)
    assert ask(lambda wire, by_tcp: [*forged(wire, by_tcp), *right(wire, by_tcp)]) == "mx"
    assert ask(forged, SOON) == "dns_timeout"


def test_many_forged_answers_do_not_make_the_look_up_longer() -> None:
    forged = zone(NULL_MX, change=with_another_id)
    assert ask(lambda wire, by_tcp: [*forged(wire, by_tcp)] * 500, SOON) == "dns_timeout"


def test_a_server_that_never_answers_ends_in_a_timeout() -> None:
    server = Recording(lambda _, __: [])
    with answering(server) as address, pytest.raises(LookupFailed) as caught:
        asyncio.run(find_reason(DOMAIN, server_for(Settings(dns_loopback_server=address), 0), SOON))
    assert str(caught.value) == "dns_timeout: DNS gave no answer for shop.example within 0.2 s"
    assert server.types == ["MX"]


def test_the_time_is_that_of_all_look_ups_together() -> None:
    def respond(wire: bytes, by_tcp: bool) -> Sequence[bytes]:
        return [] if len(server.asked) > 1 else zone()(wire, by_tcp)

    server = Recording(respond)
    assert ask(server, SOON) == "dns_timeout"
    assert server.types == ["MX", "A"]


def test_a_port_without_a_server_leaves_the_result_unknown() -> None:
    with answering(zone(MX)) as address:
        server = server_for(Settings(dns_loopback_server=address), 0)
    with pytest.raises(LookupFailed) as caught:
        asyncio.run(find_reason(DOMAIN, server, SOON))
    assert caught.value.code in {"dns_failed", "dns_timeout"}


# --- what is sent, and to whom


@contextmanager
def traffic() -> Iterator[set[Any]]:
    """Record the addresses that this process sends to or connects to."""
    found: set[Any] = set()
    active = [True]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if active and event in {"socket.connect", "socket.sendto"}:
            found.add(tuple(arguments[1][:2]))

    sys.addaudithook(hook)
    try:
        yield found
    finally:
        active.clear()


def test_only_the_resolver_is_spoken_to_and_never_a_mail_server() -> None:
    def respond(wire: bytes, by_tcp: bool) -> Sequence[bytes]:
        clients.add(by_tcp)
        made = response(wire, "@ MX 10 127.0.0.2.")
        made.additional.append(dns.rrset.from_text("127.0.0.2.", 300, "IN", "A", "127.0.0.2"))
        return [made.to_wire()]

    clients: set[bool] = set()
    server = truncated(respond)
    with answering(server) as address, traffic() as reached:
        host, _, port = address.rpartition(":")
        to = server_for(Settings(dns_loopback_server=address), 0)
        assert asyncio.run(find_reason(DOMAIN, to, 5)) == "mx"
    from_server = {one for one in reached if one[1] != int(port)}
    assert (host, int(port)) in reached
    assert all(one[0] == "127.0.0.1" for one in from_server)
    assert clients == {True}


def test_each_query_has_an_id_of_its_own_and_says_how_long_a_datagram_may_be() -> None:
    seen: set[int] = set()

    def respond(wire: bytes, by_tcp: bool) -> Sequence[bytes]:
        query = dns.message.from_wire(wire)
        seen.add(query.id)
        assert (query.edns, query.payload) == (0, mail_dns.DATAGRAM_BYTES)
        return zone(MX)(wire, by_tcp)

    with answering(respond) as address:
        server = server_for(Settings(dns_loopback_server=address), 0)
        for _ in range(8):
            asyncio.run(find_reason(DOMAIN, server, 5))
    assert len(seen) > 5


def resolv_conf(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """Make ``file`` the system's configuration of its resolvers."""
    mail_dns._system_servers.cache_clear()
    monkeypatch.setattr(dns.resolver.Resolver.__init__, "__defaults__", (str(file), True))


def test_the_systems_resolvers_are_asked_in_turn_after_failures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "resolv.conf").write_text("search corp.test\nnameserver 10.0.0.2\nnameserver fd00::2\n")
    resolv_conf(monkeypatch, tmp_path / "resolv.conf")
    asked = [server_for(Settings(), failures) for failures in range(3)]
    assert asked == [("10.0.0.2", 53), ("fd00::2", 53), ("10.0.0.2", 53)]
    mail_dns._system_servers.cache_clear()


def test_a_system_without_a_resolver_pauses_the_workflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    resolv_conf(monkeypatch, tmp_path / "missing")
    with pytest.raises(Misconfigured, match="no_resolver: the system has no DNS resolver"):
        server_for(Settings(), 0)
    mail_dns._system_servers.cache_clear()


@pytest.mark.parametrize(
    "value", ["8.8.8.8:53", "localhost:53", "127.0.0.1", "127.0.0.1:", "10.0.0.2:53", "127.0.0.1.evil:1"]
)
def test_the_setting_names_a_server_on_loopback_only(value: str) -> None:
    with pytest.raises(SettingsError, match="DNS_LOOPBACK_SERVER="):
        load(Settings, {"DNS_LOOPBACK_SERVER": value})
    assert server_for(Settings(dns_loopback_server="[::1]:5353"), 0) == ("::1", 5353)


# --- names


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("info@shop.com", "shop.com"),
        ("Info@SHOP.com", "shop.com"),
        ("info@müller.de", "xn--mller-kva.de"),
        ("info@xn--mller-kva.de", "xn--mller-kva.de"),
        ("info@" + "a" * 63 + ".de", "a" * 63 + ".de"),
        ("info@shop.example", "shop.example"),
    ],
)
def test_the_domain_of_an_address_is_as_dns_holds_it(address: str, domain: str) -> None:
    assert mail_domain_of(address) == domain


REJECTED: Sequence[str] = [
    "", "@", "info", "info@", "@shop.com", "info@localhost", "info@printer.local", "info@db.internal", "info@a.onion",
    "info@10.0.0.1", "info@[10.0.0.1]", "info@[IPv6:::1]", "info@1.0.0.10.in-addr.arpa", "info@shop.test",
    "info@" + "a" * 64 + ".de", "info@" + ".".join(["a" * 60] * 5) + ".de", "info@" + "a." * 130 + "de",
    "info@a..de", "info@.de", "info@-a.de", "info@a-.de", "info@a_b.de", "info@a b.de", "info@a.de\n", "info@a\\.b.de",
    "info@a\0.de", "info@xn--a.de", "info@\ud800.de", "info@a.de.", "info@☃.de\u202e", "a@b@c.de", "info@*.de",
]  # fmt: skip


@pytest.mark.parametrize("address", REJECTED)
def test_a_name_that_dns_or_the_internet_does_not_have_is_rejected(address: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the messages are the library's
        mail_domain_of(address)


def test_reserved_names_are_allowed_for_tests_only() -> None:
    assert mail_domain_of("info@shop.test", reserved=True) == "shop.test"


HOST = re.compile(r"(?=.{1,253}\Z)(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)+(?!-)[a-z0-9-]{1,63}(?<!-)")
labels = st.text(st.characters() | st.sampled_from("aä-_.0\\ \0ß"), max_size=70)


@given(st.text() | st.lists(labels, max_size=6).map(lambda parts: "info@" + ".".join(parts)))
@example("info@" + "ü" * 63 + ".de")
@example("info@a。b.de")
@example("0@0.A")
def test_whatever_the_text_it_is_rejected_or_gives_a_name_that_dns_can_hold(text: str) -> None:
    try:
        domain = mail_domain_of(text, reserved=True)
    except ValueError:
        return
    assert HOST.fullmatch(domain)
    assert dns.name.from_text(domain).to_text(omit_final_dot=True) == domain
    assert mail_domain_of(f"info@{domain}", reserved=True) == domain

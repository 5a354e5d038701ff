"""The guard's list: what may be dialled and what may not."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scrapersky.web.addresses import DENIED_IPV4, DENIED_IPV6, is_dialable

# The list once more, in another form: (prefix as an integer, bits that count), written down independently.
DENIED_V4_PREFIXES = [
    (0x00, 8), (0x0A, 8), (0x7F, 8), (0x0191, 10), (0xA9FE, 16), (0xAC1, 12), (0xC00000, 24), (0xC00002, 24),
    (0xC05863, 24), (0xC0A8, 16), (0xC612 >> 1, 15), (0xC63364, 24), (0xCB0071, 24), (0xE, 4), (0xF, 4), (0xA83F8110, 32),
]  # fmt: skip
DENIED_V6_PREFIXES = [
    (0x20010000, 32), (0x200100020000, 48), (0x2001001, 28), (0x2001002, 28), (0x20010DB8, 32), (0x2002, 16), (0x3FFF0, 20),
]  # fmt: skip


def may_dial(packed: int, bits: int) -> bool:
    if bits == 32:
        return not any(packed >> (32 - length) == prefix for prefix, length in DENIED_V4_PREFIXES)
    if packed >> 32 == 0xFFFF:
        return may_dial(packed & 0xFFFFFFFF, 32)
    if packed >> 125 != 0b001:
        return False
    return not any(packed >> (128 - length) == prefix for prefix, length in DENIED_V6_PREFIXES)


edges_v4 = [int(net[i]) + d for net in DENIED_IPV4 for i, d in ((0, 0), (0, -1), (-1, 0), (-1, 1))]
edges_v6 = [int(net[i]) + d for net in DENIED_IPV6 for i, d in ((0, 0), (0, -1), (-1, 0), (-1, 1))]
v4 = st.integers(0, 2**32 - 1) | st.sampled_from([edge for edge in edges_v4 if 0 <= edge < 2**32])
v6 = (
    st.integers(0, 2**128 - 1)
    | st.integers(0x2 << 124, (0x4 << 124) - 1)
    | st.sampled_from(edges_v6)
    | v4.map(lambda address: 0xFFFF << 32 | address)
)


@given(v4)
def test_every_ipv4_address_is_judged_as_the_second_formulation_of_the_list_judges_it(address: int) -> None:
    assert is_dialable(IPv4Address(address)) == may_dial(address, 32)


@given(v6)
@example(0xFFFF7F000001)
def test_every_ipv6_address_is_judged_as_the_second_formulation_of_the_list_judges_it(address: int) -> None:
    assert is_dialable(IPv6Address(address)) == may_dial(address, 128)


@pytest.mark.parametrize("network", DENIED_IPV4 + DENIED_IPV6, ids=str)
def test_both_ends_of_a_denied_range_are_refused(network: object) -> None:
    denied = ip_network(str(network))
    assert not is_dialable(denied[0])
    assert not is_dialable(denied[-1])


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.0", "198.20.0.1", "2606:4700::1", "::ffff:1.1.1.1"]
)
def test_a_public_address_may_be_dialled(address: str) -> None:
    assert is_dialable(address)


@pytest.mark.parametrize(
    "address",
    [
        "64:ff9b::a9fe:a9fe",  # NAT64 of the metadata service: is_global says True
        "64:ff9b:1::1",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "::ffff:169.254.169.254",
        "::",
        "::1",
        "fec0::1",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "5f00::1",
        "100::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2001:0:1::",
        "3fff::1",
        "4000::",
        "169.254.169.254",
        "169.254.170.2",
        "168.63.129.16",
        "100.100.100.200",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
def test_a_special_address_is_refused_whatever_python_thinks_of_it(address: str) -> None:
    assert not is_dialable(address)


@pytest.mark.parametrize(
    "text", ["", "example.com", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "1.1.1.1/32", " 1.1.1.1", "[::1]"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    assert not is_dialable(text)

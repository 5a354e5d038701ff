"""Which addresses of the internet may be dialled: the list that keeps a crawler out of its own network.

Python's ``ipaddress.is_global`` is not that list: it admits NAT64 of 169.254.169.254, fec0::/10, multicast and Azure's
168.63.129.16, and changes between patch releases. So the list is explicit: what is denied in IPv4, and in IPv6
only 2000::/3 without its special ranges. Sources: the IANA special-purpose address registries, RFC 6890.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

DENIED_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback: Lambda's own runtime API lives here
        "168.63.129.16/32",  # Azure's host agent, a public address that is not
        "169.254.0.0/16",  # link-local: the metadata and credential services
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)

ALLOWED_IPV6 = IPv6Network("2000::/3")

DENIED_IPV6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/32",  # Teredo: carries an IPv4 address
        "2001:2::/48",  # benchmarking
        "2001:10::/28",  # ORCHID, deprecated
        "2001:20::/28",  # ORCHIDv2
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address
        "3fff::/20",  # documentation
    )
)


def is_dialable(address: str | IPv4Address | IPv6Address) -> bool:
    """Whether ``address`` (never a name) is global unicast that a crawler may connect to.

    An IPv4 address mapped into IPv6 (::ffff:0:0/96) is judged as the IPv4 address it is. Text that is no address, and
    one with a zone (``fe80::1%eth0``), is not dialable.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        if parsed.scope_id is not None:
            return False
        if parsed.ipv4_mapped is None:
            return parsed in ALLOWED_IPV6 and not any(parsed in network for network in DENIED_IPV6)
        parsed = parsed.ipv4_mapped
    return not any(parsed in network for network in DENIED_IPV4)

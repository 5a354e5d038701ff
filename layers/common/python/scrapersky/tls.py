"""TLS to the database: its certificate and its name are verified, against whose roots depends on where it stands."""

import ssl
from functools import cache
from pathlib import Path

RDS_ROOTS = Path(__file__).with_name("amazon-rds-roots.pem")
"""RDS and Aurora sign with certificate authorities of their own, one a region, that no system's list of roots has."""

RDS_DOMAIN = ".rds.amazonaws.com"


@cache
def tls_context(mode: str, host: str, ca_pem: str | None) -> ssl.SSLContext | bool:
    """What pg8000 takes as ``ssl_context`` to connect to ``host``; ``ca_pem`` is a private authority, trusted alone.

    ``mode`` is libpq's ``sslmode``, ``verify-full`` or ``disable``; any other is a ValueError. One context a process:
    building it costs ten times the connect.
    """
    if mode == "disable":
        return False
    if mode != "verify-full":
        raise ValueError(f"sslmode={mode!r} in the database secret: 'verify-full' or 'disable' is right")
    context = ssl.create_default_context(cadata=ca_pem)
    if ca_pem is None and host.endswith(RDS_DOMAIN):
        context.load_verify_locations(RDS_ROOTS)
    return context

"""TLS to the database: its certificate and name are verified, against the roots that its host needs."""

import ssl
from functools import cache
from pathlib import Path

RDS_ROOTS = Path(__file__).with_name("amazon-rds-roots.pem")
"""Roots of RDS and Aurora, one per region. No operating system ships them."""

RDS_DOMAIN = ".rds.amazonaws.com"


@cache
def tls_context(mode: str, host: str, ca_pem: str | None) -> ssl.SSLContext | bool:
    """Return pg8000's ``ssl_context`` for a connection to ``host``. With ``ca_pem``, only that authority is trusted.

    ``mode`` is libpq's ``sslmode``: ``verify-full`` or ``disable``; any other raises ValueError. The context is cached
    because building it takes ten times as long as connecting.
    """
    if mode == "disable":
        return False
    if mode != "verify-full":
        raise ValueError(f"sslmode={mode!r} in the database secret; valid modes are 'verify-full' and 'disable'")
    context = ssl.create_default_context(cadata=ca_pem)
    if ca_pem is not None:
        # Python 3.13 sets this flag, with which OpenSSL refuses authorities without keyUsage: those that plain
        # `openssl req -x509` and easy-rsa make. Chain, dates and host name are verified as before.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if ca_pem is None and host.endswith(RDS_DOMAIN):
        context.load_verify_locations(RDS_ROOTS)
    return context

"""TLS to the database: which roots are trusted for which host."""

import datetime
import re
import ssl
import tempfile
from contextlib import nullcontext, suppress
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from scrapersky.tls import RDS_ROOTS, tls_context

AURORA = "scrapersky-prod.cluster-abc.eu-west-1.rds.amazonaws.com"
DAY = datetime.timedelta(days=1)
NAME = re.compile(r"Amazon RDS ([a-z]+-[a-z]+-\d) Root CA (RSA2048|RSA4096|ECC384) G1")


def trusted(context: ssl.SSLContext | bool) -> set[str]:
    """Return the common names of the roots that ``context`` trusts."""
    assert isinstance(context, ssl.SSLContext)
    subjects = [dict(part[0] for part in root["subject"]) for root in context.get_ca_certs()]  # type: ignore[misc]
    return {str(subject["commonName"]) for subject in subjects if "commonName" in subject}


def roots() -> list[x509.Certificate]:
    """Return the shipped certificates."""
    return x509.load_pem_x509_certificates(RDS_ROOTS.read_bytes())


def common_name(certificate: x509.Certificate) -> str:
    """Return the common name of the certificate's subject."""
    (name,) = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(name.value)


def test_the_shipped_roots_are_those_of_rds_self_signed_and_valid_for_ten_years() -> None:
    in_ten_years = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=3652)
    for root in roots():
        assert NAME.fullmatch(common_name(root))
        root.verify_directly_issued_by(root)
        assert root.not_valid_after_utc > in_ten_years


def test_every_region_has_its_three_roots() -> None:
    regions: dict[str, set[str]] = {}
    for root in roots():
        region, kind = NAME.fullmatch(common_name(root)).groups()  # type: ignore[union-attr]
        regions.setdefault(region, set()).add(kind)
    assert {"us-east-1", "us-west-2", "eu-central-1", "eu-west-1"} <= regions.keys()
    assert all(len(kinds) == 3 for kinds in regions.values())


def test_a_database_on_rds_is_verified_by_the_roots_of_rds_and_its_host_name() -> None:
    context = tls_context("verify-full", AURORA, None)
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert "Amazon RDS eu-west-1 Root CA RSA2048 G1" in trusted(context)


@pytest.mark.parametrize("host", ["db.example.com", "rds.amazonaws.com.example.com"])
def test_the_roots_of_rds_are_not_trusted_for_other_hosts(host: str) -> None:
    assert not [name for name in trusted(tls_context("verify-full", host, None)) if "RDS" in name]


def test_with_a_private_authority_only_that_authority_is_trusted() -> None:
    root = next(one for one in roots() if "eu-west-1 Root CA RSA2048" in common_name(one))
    private = root.public_bytes(Encoding.PEM).decode()
    for host in ("db.example.com", AURORA):
        assert trusted(tls_context("verify-full", host, private)) == {common_name(root)}


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Default contexts as Python 3.13 and newer make them, also on an older Python."""
    default = ssl.create_default_context

    def create_default_context(*args: Any, **options: Any) -> ssl.SSLContext:
        context = default(*args, **options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", create_default_context)
    tls_context.cache_clear()


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("host", ["localhost", "other.test"])
def test_an_authority_without_key_usage_is_accepted_and_the_host_is_still_verified(host: str) -> None:
    """As plain ``openssl req -x509`` and easy-rsa make them. The server's certificate is for localhost."""
    authority, certificate = authority_without_key_usage()
    context = tls_context("verify-full", host, authority)
    assert isinstance(context, ssl.SSLContext)
    with certificate as chain, pytest.raises(ssl.SSLCertVerificationError) if host == "other.test" else nullcontext():
        shake_hands(context, chain, host)


@pytest.mark.usefixtures("strict")
def test_public_authorities_are_verified_strictly() -> None:
    context = tls_context("verify-full", AURORA, None)
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_flags & ssl.VERIFY_X509_STRICT


def authority_without_key_usage() -> tuple[str, Any]:
    """Return the PEM of an authority that has no keyUsage, and a file with a certificate for localhost and its key."""
    key, own_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Home-made authority")])
    now = datetime.datetime.now(datetime.UTC)

    def certificate(name: x509.Name, public: Any, *extensions: tuple[Any, bool]) -> x509.Certificate:
        builder = x509.CertificateBuilder(issuer, name, public, x509.random_serial_number(), now, now + DAY)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(key, hashes.SHA256())

    authority = certificate(issuer, key.public_key(), (x509.BasicConstraints(True, None), True))
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    own = certificate(x509.Name([]), own_key.public_key(), (names, True))
    chain = tempfile.NamedTemporaryFile()  # noqa: SIM115 - the caller closes it
    chain.write(own.public_bytes(Encoding.PEM))
    chain.write(own_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    chain.flush()
    return authority.public_bytes(Encoding.PEM).decode(), chain


def shake_hands(context: ssl.SSLContext, chain: Any, host: str) -> None:
    """Verify as a client of ``host`` the certificate of a server, in memory. Raises SSLError."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(chain.name)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname=host)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()


def test_a_connection_without_verification_is_refused() -> None:
    with pytest.raises(
        ValueError, match="sslmode='require' in the database secret; valid modes are 'verify-full' and 'disable'"
    ):
        tls_context("require", "db.example.com", None)

"""TLS to the database: which roots are trusted for which host."""

import datetime
import re
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from scrapersky.tls import RDS_ROOTS, tls_context

AURORA = "scrapersky-prod.cluster-abc.eu-west-1.rds.amazonaws.com"
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


def test_a_connection_without_verification_is_refused() -> None:
    with pytest.raises(
        ValueError, match="sslmode='require' in the database secret; valid modes are 'verify-full' and 'disable'"
    ):
        tls_context("require", "db.example.com", None)

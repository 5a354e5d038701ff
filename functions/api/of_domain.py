"""Records of a domain: which domain a row means, and whether a url is on it."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import Field
from sqlalchemy import Connection, Row, or_, select

from api.adding import Added, NewRecord, RowRefused, add, candidates
from api.curation_table import CurationField
from api.filters import BIGGEST
from scrapersky.models import Domain
from scrapersky.web.hosts import HostError, normalise_host
from scrapersky.web.urls import MAX_URL_LENGTH, parse_url, port_of

DomainRow = Row[int, str, str]
"""id, domain, tenant."""


class NewOfDomain(NewRecord):
    """A record to add to a domain that is there, which exactly one of ``domain_id`` and ``domain`` names."""

    domain_id: int | None = Field(None, ge=1, le=BIGGEST)
    domain: str | None = Field(None, description="a host name or a url")


class NewUrl(NewOfDomain):
    """A record to add that is told apart by its url on a domain."""

    url: str = Field(description="absolute, http or https, on the domain")


D = TypeVar("D", bound=NewOfDomain)
U = TypeVar("U", bound=NewUrl)


@dataclass(frozen=True)
class KnownDomains:
    """The domains that rows name, as far as they are there."""

    by_id: Mapping[int, DomainRow]
    by_name: Mapping[str, DomainRow]

    @classmethod
    def read(cls, connection: Connection, rows: Sequence[NewOfDomain]) -> "KnownDomains":
        """Those that ``rows`` name."""
        ids = {row.domain_id for row in rows if row.domain_id is not None}
        names = {host for row in rows if (host := _host(row.domain))}
        named = or_(Domain.id.in_(ids), Domain.domain.in_(names))
        found = connection.execute(select(Domain.id, Domain.domain, Domain.tenant).where(named)).all()
        return cls({one.id: one for one in found}, {one.domain: one for one in found})

    def domain_of(self, row: NewOfDomain) -> DomainRow:
        """The domain that ``row`` names. Raises :class:`RowRefused`."""
        if (row.domain_id is None) == (row.domain is None):
            given = f"{row.domain_id} and {row.domain[:100]!r} were" if row.domain is not None else "neither was"
            raise RowRefused(f"domain_id, domain: {given} given; exactly one of them is right")
        if row.domain_id is not None:
            if found := self.by_id.get(row.domain_id):
                return found
            raise RowRefused(f"domain_id: there is no domain {row.domain_id}; an id that GET /domains lists is right")
        try:
            host = normalise_host(str(row.domain))
        except HostError as error:
            raise RowRefused(f"domain: {error}") from None
        if found := self.by_name.get(host):
            return found
        raise RowRefused(f"domain: {host!r} is not there; add it by POST /domains first, or name one that is")


def add_to_domains(connection: Connection, field: CurationField, rows: Sequence[D]) -> Added:
    """Adds the one record that each domain of ``rows`` may have."""
    known = KnownDomains.read(connection, rows)

    def columns(row: D) -> Mapping[str, Any]:
        domain = known.domain_of(row)
        return {"domain_id": domain.id, "tenant": domain.tenant}

    def given(row: D) -> str:
        return row.domain or str(row.domain_id or "")

    return add(connection, field, ["domain_id"], candidates(rows, given=given, columns=columns))


def add_urls(
    connection: Connection,
    field: CurationField,
    rows: Sequence[U],
    more: Callable[[str], Mapping[str, Any]],
    ports: Set[int],
) -> Added:
    """Adds records told apart by domain and url; ``more`` tells the other columns of a url, ``ports`` may be dialled."""
    known = KnownDomains.read(connection, rows)

    def columns(row: U) -> Mapping[str, Any]:
        domain = known.domain_of(row)
        url = url_on(row.url, domain, ports)
        return {"domain_id": domain.id, "tenant": domain.tenant, "url": url, **more(url)}

    def given(row: U) -> str:
        return row.url

    return add(connection, field, ["domain_id", "url"], candidates(rows, given=given, columns=columns))


def url_on(url: str, domain: DomainRow, ports: Set[int]) -> str:
    """The one spelling of ``url``, which is on ``domain``, with or without ``www.``, and on one of ``ports``.

    Raises :class:`RowRefused`.
    """
    parsed = parse_url(url)
    if parsed is None:
        right = f"an absolute http or https url of at most {MAX_URL_LENGTH:,} characters, without a login, is right"
        raise RowRefused(f"url: {url[:100]!r} is none that a crawler may fetch; {right}")
    normal, port = str(parsed.href), port_of(parsed)
    host = _host(normal)
    if host != domain.domain:
        where = f"on {host}" if host else "on no website's host"
        raise RowRefused(f"url: {url[:100]!r} is {where}; one on {domain.domain} is right")
    if port not in ports:
        raise RowRefused(
            f"url: {url[:100]!r} is on port {port}; a crawler dials {', '.join(map(str, sorted(ports)))} only"
        )
    return normal


def _host(text: str | None) -> str | None:
    try:
        return normalise_host(text) if text else None
    except HostError:
        return None

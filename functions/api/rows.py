"""The rows that clients send to be added, and how each becomes a record's columns."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field
from sqlalchemy import Connection, Row, or_, select

from scrapersky.models import Domain
from scrapersky.runtime.input_model import Id, InputModel, Label, Tenant
from scrapersky.vocabulary import Curation
from scrapersky.web.hosts import HostError, normalise_host
from scrapersky.web.urls import MAX_URL_LENGTH, NormalUrl, parse_url, port_of

DomainRow = Row[int, str, str]
"""id, domain, tenant."""


class RowRefused(ValueError):
    """A row cannot become a record; the message names the field, the value, and what is valid."""


class NewRecord(InputModel):
    """A record to add."""

    identifying: ClassVar[tuple[str, ...]] = ()
    """The columns of which a CSV file needs one."""

    label: Label | None = Field(None, description="of the list that it belongs to; hand-offs carry it along")
    curation_status: Curation = Field(Curation.NEW, description="Selected queues its workflow at once")

    @classmethod
    def other_names(cls) -> dict[str, str]:
        """Return the columns of a CSV file that are not named after their field."""
        return {}

    def given(self) -> str:
        """Return what the answer shows as ``given``."""
        raise NotImplementedError

    def columns(self, known: "Known") -> dict[str, Any]:
        """Return the record's columns without decision and label. Raises :class:`RowRefused`."""
        columns = self.model_dump(exclude={"curation_status", "label"})
        return {**columns, "tenant": known.tenant_for(columns.get("tenant"))}


class NewOfPlace(NewRecord):
    """A record to add that is identified by Google's place id."""

    identifying: ClassVar[tuple[str, ...]] = ("place_id",)

    tenant: Tenant | None = Field(None, description="whose record it is; default, or the caller's own")
    place_id: str = Field(min_length=1, max_length=300, pattern=r"^[A-Za-z0-9_-]+$", description="Google's id")

    def given(self) -> str:
        """Return the place id."""
        return self.place_id


class NewOfDomain(NewRecord):
    """A record to add to a known domain, which exactly one of ``domain_id`` and ``domain`` names."""

    identifying: ClassVar[tuple[str, ...]] = ("domain_id", "domain")

    domain_id: Id | None = None
    domain: str | None = Field(None, description="a host name or a url")

    def given(self) -> str:
        """Return the domain as the row names it."""
        return self.domain or str(self.domain_id or "")

    def columns(self, known: "Known") -> dict[str, Any]:
        """Return the domain's id and tenant."""
        domain = known.domain_of(self)
        return {"domain_id": domain.id, "tenant": domain.tenant}


class NewUrl(NewOfDomain):
    """A record to add that is identified by its domain and URL."""

    identifying: ClassVar[tuple[str, ...]] = ("url",)

    url: str = Field(description="absolute, http or https, on the domain")

    def given(self) -> str:
        """Return the URL as it was sent."""
        return self.url

    def columns(self, known: "Known") -> dict[str, Any]:
        """Return the domain's id and tenant, and the normalised URL."""
        return {**super().columns(known), "url": url_on(self.url, known.domain_of(self), known.ports)}


@dataclass(frozen=True)
class Known:
    """What rows are checked against: the existing domains that they name, and the ports that may be dialled."""

    by_id: Mapping[int, DomainRow]
    by_name: Mapping[str, DomainRow]
    ports: Set[int]
    tenant: str | None = None
    """The only tenant whose records may be added, None for any."""

    @classmethod
    def read(cls, connection: Connection, rows: Sequence[NewRecord], ports: Set[int], tenant: str | None) -> "Known":
        """Read the domains that ``rows`` name, of all tenants or of one."""
        named = [row for row in rows if isinstance(row, NewOfDomain)]
        ids = {row.domain_id for row in named if row.domain_id is not None}
        names = {host for row in named if (host := _host(row.domain))}
        if not ids and not names:
            return cls({}, {}, ports, tenant)
        wanted = or_(Domain.id.in_(ids), Domain.domain.in_(names))
        mine = [] if tenant is None else [Domain.tenant == tenant]
        found = connection.execute(select(Domain.id, Domain.domain, Domain.tenant).where(wanted, *mine)).all()
        return cls({one.id: one for one in found}, {one.domain: one for one in found}, ports, tenant)

    def tenant_for(self, given: str | None) -> str:
        """Return the tenant of a new record. Raises :class:`RowRefused`."""
        if self.tenant is not None and given not in (None, self.tenant):
            raise RowRefused(f"tenant: {given!r} is not the caller's tenant; leave it out")
        return given or self.tenant or "default"

    def domain_of(self, row: NewOfDomain) -> DomainRow:
        """Return the domain that ``row`` names. Raises :class:`RowRefused`."""
        if (row.domain_id is None) == (row.domain is None):
            given = f"{row.domain_id} and {row.domain[:100]!r} were" if row.domain is not None else "neither was"
            raise RowRefused(f"domain_id, domain: {given} given; exactly one of them is needed")
        if row.domain_id is not None:
            if found := self.by_id.get(row.domain_id):
                return found
            raise RowRefused(f"domain_id: there is no domain {row.domain_id}; send an id that GET /domains lists")
        try:
            host = normalise_host(str(row.domain))
        except HostError as error:
            raise RowRefused(f"domain: {error}") from None
        if found := self.by_name.get(host):
            return found
        raise RowRefused(f"domain: {host!r} is unknown; add it by POST /domains first, or name an existing domain")


def url_on(url: str, domain: DomainRow, ports: Set[int]) -> NormalUrl:
    """Return the normalised form of ``url``, which must be on ``domain`` (or its ``www.``) and one of ``ports``.

    Raises :class:`RowRefused`.
    """
    parsed = parse_url(url)
    if parsed is None:
        valid = f"an absolute http or https url of at most {MAX_URL_LENGTH:,} characters, without a login, is needed"
        raise RowRefused(f"url: {url[:100]!r} is not a url that a crawler may fetch; {valid}")
    normal, port = NormalUrl(str(parsed.href)), port_of(parsed)
    host = _host(normal)
    if host != domain.domain:
        where = f"on {host}" if host else "on no website's host"
        raise RowRefused(f"url: {url[:100]!r} is {where}; a url on {domain.domain} is needed")
    if port not in ports:
        allowed = ", ".join(map(str, sorted(ports)))
        raise RowRefused(f"url: {url[:100]!r} is on port {port}; the crawler uses only ports {allowed}")
    return normal


def _host(text: str | None) -> str | None:
    try:
        return normalise_host(text) if text else None
    except HostError:
        return None

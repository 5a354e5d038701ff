"""Data protection over HTTP: POST only, authorised separately (docs/explanation/data-protection.md).

Warning: no answer and no stored value holds the address that a request is about: an answer may be kept for its
Idempotency-Key, and a reason stays.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Connection, text

from api.csv_import import body_of, read_lines
from api.dependencies import caller_of, dependencies_of, require_route
from api.idempotency import write_once
from api.problem import invalid, refused
from scrapersky import object_store
from scrapersky.errors import WorkError
from scrapersky.protection import erasure, suppression
from scrapersky.protection.subjects import HASH, Subject, SubjectError, recognise, subject_of
from scrapersky.runtime.input_model import InputModel, exactly_one
from scrapersky.runtime.payloads import Reason
from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.vocabulary import SubjectKind

FILES = text("SELECT object_key FROM exports WHERE written_at > now() - make_interval(days => :days)")

router = Router()
TAGS = ["data-protection"]
ROUTE = "POST /data-protection/"


class Named(InputModel):
    """Whom a request is about."""

    model_config = ConfigDict(json_schema_extra=exactly_one("email", "phone", "domain"))

    email: str | None = Field(None, description="an e-mail address")
    phone: str | None = Field(None, description="a phone number in international form")
    domain: str | None = Field(None, description="a host name or a url; its subdomains are meant as well")

    @model_validator(mode="after")
    def _names_one(self) -> "Named":
        if sum(value is not None for value in self._values()) != 1:
            raise ValueError("exactly one of email, phone and domain is needed")
        return self

    def _values(self) -> list[str | None]:
        return [getattr(self, kind.value) for kind in SubjectKind]

    def subject(self) -> Subject:
        """Return the subject. Raises a 409 for a text that names none."""
        ((kind, value),) = [one for one in zip(SubjectKind, self._values(), strict=True) if one[1] is not None]
        try:
            return subject_of(kind, str(value))
        except SubjectError as error:
            raise refused(kind.value, str(error)) from None


class Objection(Named):
    """Suppress an address, a phone number or a domain."""

    reason: Reason


class Hashes(InputModel):
    """Suppress values that only their hashes name."""

    hashes: list[Annotated[str, Field(pattern="^[0-9A-Fa-f]{64}$")]] = Field(
        min_length=1, max_length=5_000, description="SHA-256, in hexadecimal digits"
    )
    kind: SubjectKind
    reason: Reason


class Suppressed(BaseModel):
    """How many suppressions are new, and what was deleted for all of the request's."""

    added: int
    contacts_deleted: int
    domains_changed: int


class Suppression(BaseModel):
    """The suppression of a value."""

    suppressed: bool
    hash: str
    reason: str | None = None
    actor: str | None = None
    at: datetime | None = None


class Purge(InputModel):
    """Delete a domain."""

    domain: str = Field(description="a host name or a url; its subdomains are deleted as well")
    reason: Reason


class Report(BaseModel):
    """What is held: how many rows by table and column, the contacts with their sources, and whether it is suppressed."""

    places: dict[str, int]
    contacts: list[dict[str, Any]]
    suppressed: bool


class Receipt(BaseModel):
    """What was deleted or changed, by table, without naming what it was about: the hash does."""

    hash: str
    kind: SubjectKind
    at: datetime
    actor: str
    rows: dict[str, int]


class Lifted(BaseModel):
    """Whether there was a suppression."""

    lifted: bool


@router.post("/data-protection/suppress", tags=TAGS, summary="Suppress an address, a phone number or a domain")
def suppress(body: Objection) -> Suppressed:
    require_route(router, ROUTE)
    return suppress_subject(body)


@router.post("/data-protection/suppress/hashes", tags=TAGS, summary="Suppress values by their SHA-256")
def suppress_hashes(body: Hashes) -> Suppressed:
    require_route(router, ROUTE)
    return _suppress(dict.fromkeys(body.hashes, body.kind), body.reason)


@router.post("/data-protection/suppress/csv", tags=TAGS, summary="Suppress the addresses or hashes of a CSV file")
def suppress_file() -> Suppressed:
    require_route(router, ROUTE)
    lines = read_lines(body_of(router))
    if not lines:
        raise refused("body", "the file has a header and no values; at least one value is needed")
    if len(lines) > (cap := dependencies_of(router).settings.api_bulk_max):
        raise invalid("body", f"{len(lines)} lines are too many for one request; at most {cap} are allowed")
    return _suppress(hashes_of(lines), "imported from a CSV file")


@router.post("/data-protection/check", tags=TAGS, summary="Return whether a value is suppressed, by whom and why")
def check(body: Named) -> Suppression:
    require_route(router, ROUTE)
    subject = body.subject()
    with dependencies_of(router).database.autocommit() as connection:
        found = suppression.find(connection, subject.hash)
    known: dict[str, Any] = {"reason": found.reason, "actor": found.actor, "at": found.at} if found else {}
    return Suppression(suppressed=found is not None, hash=subject.hash, **known)


@router.post("/data-protection/lift", tags=TAGS, summary="Delete a suppression: its owner agrees again")
def lift(body: Objection) -> Lifted:
    require_route(router, ROUTE)
    subject = body.subject()
    lifted = write_once(router, Lifted, lambda connection: Lifted(lifted=suppression.lift(connection, subject.hash)))
    _log("suppression lifted", subject, without(subject, body.reason))
    return lifted


@router.post("/data-protection/report", tags=TAGS, summary="Return all that is held about a person or a domain")
def report(body: Named) -> Report:
    require_route(router, ROUTE)
    subject = body.subject()
    with dependencies_of(router).database.autocommit() as connection:
        found = erasure.report(connection, subject)
    _log("subject reported", subject, "")
    return Report(places=dict(found.places), contacts=list(found.contacts), suppressed=found.suppressed)


@router.post("/data-protection/erase", tags=TAGS, summary="Suppress a person or a domain, and erase it in every table")
def erase(body: Objection) -> Receipt:
    return _erase(body, erasure.erase, "subject erased")


@router.post("/data-protection/purge", tags=TAGS, summary="Delete a domain and all that belongs to it")
def purge(body: Purge) -> Receipt:
    return _erase(Objection(domain=body.domain, reason=body.reason), erasure.purge, "domain purged")


def _erase(body: Objection, verb: Callable[..., dict[str, int]], done: str) -> Receipt:
    require_route(router, ROUTE)
    subject, actor = body.subject(), caller_of(router)
    reason = without(subject, body.reason)

    def work(connection: Connection) -> Receipt:
        try:
            counts = verb(connection, subject, actor=actor, reason=reason, workflows=WORKFLOWS.values())
        except erasure.InFlight as error:
            raise refused(subject.kind.value, str(error)) from None
        at = connection.execute(text("SELECT now()")).scalar_one()
        return Receipt(hash=subject.hash, kind=subject.kind, at=at, actor=actor, rows=counts)

    receipt = write_once(router, Receipt, work)
    _delete_exports()
    _log(done, subject, reason)
    return receipt


def _log(message: str, subject: Subject, reason: str) -> None:
    keys = {"hash": subject.hash, "kind": subject.kind.value, "actor": caller_of(router), "reason": reason}
    dependencies_of(router).observer.line(message, keys)


def hashes_of(lines: list[tuple[int, str]]) -> dict[str, SubjectKind]:
    """Return the hash and the kind of each line's value; a bare hash is one of an e-mail address.

    Raises a 409 that names the line, and does not repeat what it holds.
    """
    hashes: dict[str, SubjectKind] = {}
    for number, value in lines:
        if HASH.fullmatch(value):
            hashes[value.lower()] = SubjectKind.EMAIL
            continue
        try:
            subject = recognise(value)
        except SubjectError:
            valid = "an e-mail address, a phone number with its +, a host or a SHA-256"
            raise refused("body", f"line {number} is none of these: {valid}; nothing was imported") from None
        hashes[subject.hash] = subject.kind
    return hashes


def without(subject: Subject, reason: str) -> str:
    """Return ``reason`` without the value that it may repeat."""
    return re.sub(re.escape(subject.value), f"[{subject.kind.value}]", reason, flags=re.IGNORECASE)


def suppress_subject(body: Objection) -> Suppressed:
    """Suppress whom ``body`` names. Raises a 409 for a text that names none."""
    subject = body.subject()
    return _suppress({subject.hash: subject.kind}, without(subject, body.reason))


def _suppress(hashes: dict[str, SubjectKind], reason: str) -> Suppressed:
    actor = caller_of(router)
    of_contacts = [workflow for workflow in WORKFLOWS.values() if workflow.table == "contacts"]

    def work(connection: Connection) -> Suppressed:
        done = suppression.suppress(connection, hashes, actor=actor, reason=reason, of_contacts=of_contacts)
        return Suppressed(added=done.added, contacts_deleted=done.contacts, domains_changed=done.domains)

    suppressed = write_once(router, Suppressed, work)
    _delete_exports()
    return suppressed


def _delete_exports() -> None:
    """Delete all files of exports, whose rows are from before. A failure leaves files that no url is given for any more."""
    dependencies = dependencies_of(router)
    with dependencies.database.autocommit() as connection:
        keys = list(connection.execute(FILES, {"days": object_store.KEPT.days}).scalars())
    try:
        if keys:
            object_store.delete(dependencies.settings.export_bucket, keys)
    except WorkError as error:
        dependencies.observer.log.error("could not delete files of exports", extra={"error": str(error)})

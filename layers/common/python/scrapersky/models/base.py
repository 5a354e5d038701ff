"""What the tables share: naming, the vocabularies as Postgres types, and the companion columns of a watched field."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Enum,
    Identity,
    Index,
    MetaData,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, Mapped, deferred, mapped_column

from scrapersky.vocabulary import MAX_ERROR_LENGTH, Curation, RecordId, Status

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

AUTOVACUUM: dict[str, str] = {"autovacuum_vacuum_scale_factor": "0.02", "autovacuum_analyze_scale_factor": "0.02"}
"""Storage parameters of a table whose rows change status: autovacuum and autoanalyze at 2 % (defaults: 20 % and 10 %).
With the defaults, the statistics stay outdated for too long after a burst of new records."""

UNCOUNTED: dict[str, object] = {"statistics": 0}
"""``Column.info`` of a column without statistics (SET STATISTICS 0), so that plans do not depend on the last ANALYZE.

The number of queued or live rows changes a thousandfold between two ANALYZEs. Measured: a claim planned with statistics
from before a burst of 100,000 records did not end in ten minutes."""

WATCHED_STORAGE: dict[str, str] = {"fillfactor": "85", **AUTOVACUUM}
"""Storage parameters of a watched table: room on each page, so that Processing → Completed is a heap-only update."""


def stored_by_value(words: type[StrEnum], name: str) -> Enum:
    """Return the Postgres ENUM ``name`` of the *values* of ``words`` (SQLAlchemy's default is the member names)."""
    return Enum(words, name=name, values_callable=lambda members: [member.value for member in members])


work_status = stored_by_value(Status, "work_status")
curation_status = stored_by_value(Curation, "curation_status")


def in_range(column: str) -> str:
    """Return the CHECK that a time of the future is near enough to come. ``now()`` only grows, so rows stay valid."""
    return f"{column} BETWEEN '2000-01-01' AND now() + interval '400 days'"


class Base(DeclarativeBase):
    """The declarative base of every table."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {str: Text, datetime: DateTime(timezone=True), int: BigInteger}


class Recorded(Base):
    """A table of curated records: id, tenant, label, and the times of creation and of the last change."""

    __abstract__ = True

    id: Mapped[RecordId] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    tenant: Mapped[str] = mapped_column(
        server_default="default", comment="whose record it is; claims are fair between them"
    )
    label: Mapped[str | None] = mapped_column(comment="of the list that brought it in; hand-offs carry it along")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


def curated() -> Mapped[Curation]:
    """Return the column of a person's decision, ``New`` until it is made."""
    return mapped_column(curation_status, server_default=Curation.NEW.value)


def watched() -> Mapped[Status]:
    """Return a status field that a background service watches, ``New`` until the record is queued."""
    return mapped_column(work_status, server_default=Status.NEW.value)


def due_at() -> Mapped[datetime | None]:
    """Return the companion with the time from which a Queued record may be claimed; null in every other status."""
    return mapped_column(default=None, info=UNCOUNTED)


def failures() -> Mapped[int]:
    """Return the companion that counts the failures since a person or a hand-off queued the record."""
    return mapped_column(SmallInteger, server_default="0")


def error_code() -> Mapped[str | None]:
    """Return the companion with the code of an Error, from a closed list; null in every other status."""
    return mapped_column(default=None)


def error_text() -> Mapped[str | None]:
    """Return the companion with the text of an Error, at most :data:`MAX_ERROR_LENGTH` characters."""
    return mapped_column(default=None)


def mentions() -> Mapped[list[int] | None]:
    """Return the column by which an objection finds the rows whose facts mention a value; written by a trigger."""
    return deferred(mapped_column(ARRAY(BigInteger), comment="mention() of each address and number in the facts"))


def mentions_index(table: str) -> Index:
    """Return the index of :func:`mentions`."""
    return Index(f"ix_{table}_mentions", "mentions", postgresql_using="gin", postgresql_where="mentions IS NOT NULL")


def watched_constraints(table: str, prefix: str = "", host: str | None = None) -> tuple[CheckConstraint | Index, ...]:
    """Return the CHECKs and indexes of a watched field whose companions start with ``prefix``.

    The index of due records starts with the tenant, for fair claims; where many records share a value of the column
    ``host``, a second index continues with it. Warning: an index on the status would prevent heap-only updates.
    """
    status, due, code, error, failed = (
        prefix + name for name in ("status", "due_at", "error_code", "error", "failures")
    )
    queued = f"{due} IS NOT NULL"
    by_host = (
        [Index(f"ix_{table}_{prefix}due_by_host", "tenant", host, due, "id", postgresql_where=queued)] if host else []
    )
    return (
        CheckConstraint(f"({status} = 'Queued') = ({due} IS NOT NULL)", name=f"{prefix}due_at_exactly_when_queued"),
        CheckConstraint(in_range(due), name=f"{prefix}due_at_in_range"),
        CheckConstraint(f"({status} = 'Error') = ({code} IS NOT NULL)", name=f"{prefix}error_code_exactly_when_error"),
        CheckConstraint(f"length({error}) <= {MAX_ERROR_LENGTH}", name=f"{prefix}error_is_short"),
        CheckConstraint(f"{failed} >= 0", name=f"{prefix}failures_not_negative"),
        Index(f"ix_{table}_{prefix}due", "tenant", due, "id", postgresql_where=queued),
        *by_host,
        Index(f"ix_{table}_{prefix}error_code", code, "id", postgresql_where=f"{code} IS NOT NULL"),
    )


def listed(table: str, search: str | None = None) -> tuple[Index, ...]:
    """Return the indexes by which the records of ``table`` are listed: by tenant, label, decision, and part of a name.

    The migrations make the index for ``search`` only where the extension pg_trgm is or may be created.
    """
    lower = text(f"lower({search})")
    trigrams = Index(
        f"ix_{table}_search", lower, postgresql_using="gin", postgresql_ops={f"lower({search})": "gin_trgm_ops"}
    )
    return (
        Index(f"ix_{table}_tenant_id", "tenant", "id"),
        Index(f"ix_{table}_label", "label", "id", postgresql_where="label IS NOT NULL"),
        Index(f"ix_{table}_curated", "curation_status", "id", postgresql_where="curation_status <> 'New'"),
        *([trigrams] if search else []),
    )

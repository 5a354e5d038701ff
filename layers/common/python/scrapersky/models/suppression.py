"""Suppressions: the e-mail addresses, phone numbers and hosts whose owners objected, as hashes."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models.base import Base
from scrapersky.vocabulary import SubjectKind


class Suppression(Base):
    """A value that must not be stored, shown or visited (``migrations/protection.sql``)."""

    __tablename__ = "suppressions"
    __table_args__ = (
        CheckConstraint(f"kind IN ({', '.join(repr(kind.value) for kind in SubjectKind)})", name="kind_is_known"),
        Index("ix_suppressions_at", "at"),
        CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name="hash_is_sha256"),
    )

    hash: Mapped[str] = mapped_column(primary_key=True, comment="SHA-256 of the normalised value")
    kind: Mapped[str]
    reason: Mapped[str]
    actor: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())

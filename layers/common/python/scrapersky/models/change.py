"""Changes: what a later reading of a website found different."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models import base
from scrapersky.vocabulary import ChangedField, RecordId


class Change(base.Base):
    """A fact of a domain that changed. Triggers write it (``migrations/changes.sql``)."""

    __tablename__ = "changes"
    __table_args__ = (
        Index("ix_changes_domain_id", "domain_id", "id"),
        Index("ix_changes_at", "at"),
        base.mentions_index("changes"),
        CheckConstraint(f"field IN ({', '.join(repr(one.value) for one in ChangedField)})", name="field_is_known"),
    )

    id: Mapped[RecordId] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    domain_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("domains.id"))
    tenant: Mapped[str]
    field: Mapped[str] = mapped_column(comment="ChangedField")
    old: Mapped[str | None] = mapped_column(comment="null: there was none")
    new: Mapped[str | None] = mapped_column(comment="null: it is gone")
    mentions: Mapped[list[int] | None] = base.mentions()
    at: Mapped[datetime] = mapped_column(server_default=func.now())

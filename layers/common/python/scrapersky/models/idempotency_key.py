"""Idempotency keys: stored answers of the curation API, so that a repeated request is not executed again."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models.base import Base


class IdempotencyKey(Base):
    """One key of one caller, with the answer to its first request."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_expires_at", "expires_at"),)

    caller: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[str] = mapped_column(comment="SHA-256 of method, path and body")
    answer: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB, comment="null only within the transaction of the write"
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]

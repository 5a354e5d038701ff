"""Whether the domains of e-mail addresses take mail: the last answers of DNS."""

from datetime import datetime

from sqlalchemy import CheckConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models import base


class MailDomain(base.Base):
    """The last answer of DNS about a domain. Only answers are kept: a look-up that failed leaves no row."""

    __tablename__ = "mail_domains"
    __table_args__ = (CheckConstraint("result IN ('valid', 'invalid')", name="result_is_known"),)

    domain: Mapped[str] = mapped_column(
        primary_key=True, comment="the part of addresses after the @: lower case, punycode"
    )
    result: Mapped[str]
    reason: Mapped[str]
    checked_at: Mapped[datetime] = mapped_column(server_default=func.now())

"""Contacts: what a business gives to be reached by, each with the pages that say so."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship, remote

from scrapersky.models import base
from scrapersky.models.mail_domain import MailDomain
from scrapersky.vocabulary import ContactKind, Curation, RecordId, Status


class Contact(base.Recorded):
    """An e-mail address, a phone number, a profile or a contact form, unique by (``domain_id``, ``kind``, ``value``).

    Workflow: email_check, on ``email_check_status``, of e-mail addresses.
    """

    __tablename__ = "contacts"
    __table_args__ = (
        UniqueConstraint("domain_id", "kind", "value"),
        *base.listed("contacts", search="value"),
        Index("ix_contacts_value", "value", "id"),
        Index("ix_contacts_last_seen", "last_seen", "id"),
        CheckConstraint(f"kind IN ({', '.join(repr(kind.value) for kind in ContactKind)})", name="kind_is_known"),
        Index("ix_contacts_gone_at", "gone_at", postgresql_where="gone_at IS NOT NULL"),
        Index("ix_contacts_suppression_hash", text("suppression_hash(value)")),
        CheckConstraint("email_check_result IN ('valid', 'invalid', 'unknown')", name="email_check_result_is_known"),
        *base.watched_constraints("contacts", "email_check_"),
        {"postgresql_with": base.WATCHED_STORAGE},
    )

    domain_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("domains.id"))
    kind: Mapped[str] = mapped_column(comment="ContactKind")
    value: Mapped[str] = mapped_column(comment="an address in lower case, E.164 or bare digits, or a URL")
    category: Mapped[str | None] = mapped_column(comment="EmailCategory; of a profile: the network")
    first_seen: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen: Mapped[datetime] = mapped_column(server_default=func.now())
    gone_at: Mapped[datetime | None] = mapped_column(comment="when all of its sources lacked it for the second time")

    curation_status: Mapped[Curation] = base.curated()

    email_check_status: Mapped[Status] = base.watched()
    email_check_due_at: Mapped[datetime | None] = base.due_at()
    email_check_failures: Mapped[int] = base.failures()
    email_check_error_code: Mapped[str | None] = base.error_code()
    email_check_error: Mapped[str | None] = base.error_text()
    email_check_result: Mapped[str | None] = mapped_column(
        comment="EmailCheck of an e-mail address; null until its first check"
    )
    email_check_reason: Mapped[str | None] = mapped_column(
        comment="what decided the result: mx, null_mx, dns_timeout, …"
    )
    email_checked_at: Mapped[datetime | None] = mapped_column(comment="when DNS was asked")

    mail_domain: Mapped[MailDomain | None] = relationship(
        primaryjoin=lambda: func.split_part(Contact.value, "@", 2) == foreign(remote(MailDomain.domain)),
        viewonly=True,
        uselist=False,
        lazy="joined",
    )
    """The last answer of DNS about the domain of an e-mail address. Loaded with the record: a job has no session."""


class ContactSource(base.Base):
    """A page that gives a contact: its home page, or one of its other pages."""

    __tablename__ = "contact_sources"
    __table_args__ = (
        Index("uq_contact_sources_contact_page", "contact_id", text("coalesce(page_id, 0)"), unique=True),
        base.mentions_index("contact_sources"),
    )

    id: Mapped[RecordId] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    contact_id: Mapped[RecordId] = mapped_column(BigInteger, ForeignKey("contacts.id", ondelete="CASCADE"))
    page_id: Mapped[RecordId | None] = mapped_column(
        BigInteger, ForeignKey("pages.id", ondelete="CASCADE"), index=True, comment="null for the home page"
    )
    url: Mapped[str] = mapped_column(comment="of the page, after redirects")
    found_in: Mapped[str] = mapped_column(comment="FoundIn: how the page gives it")
    context: Mapped[str | None] = mapped_column(comment="the text around it, at most 200 characters")
    mentions: Mapped[list[int] | None] = base.mentions()
    first_seen: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen: Mapped[datetime] = mapped_column(server_default=func.now())
    missed: Mapped[int] = mapped_column(SmallInteger, server_default="0", comment="readings in a row that lacked it")

"""Map searches and their tiles, and which searches found a place."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    Double,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    UniqueConstraint,
)
from sqlalchemy import func as sql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models import base
from scrapersky.vocabulary import Curation, RecordId, Status


class PlaceSearch(base.Recorded):
    """One map search, or one tile of it. Workflow: place search, on ``status``.

    Where Google returns no more, the rectangle is divided in four, each a tile: a record of its own, with the text and
    area of its search. A search for a town has one tile ``t``, the town's rectangle.
    """

    __tablename__ = "place_searches"
    __table_args__ = (
        UniqueConstraint("name"),
        *base.listed("place_searches", search="name"),
        Index("ix_place_searches_searches", "id", postgresql_where="root_id IS NULL"),
        Index("ix_place_searches_root_id", "root_id", "id"),
        Index("ix_place_searches_parent_id", "parent_id"),
        Index("ix_place_searches_content", "located_at", postgresql_where="rectangle IS NOT NULL"),
        CheckConstraint(
            "(tile = '') = (root_id IS NULL) AND (tile = '') = (parent_id IS NULL)", name="tile_has_a_root"
        ),
        CheckConstraint("tile ~ '^t?[a-d]*$'", name="tile_is_a_part"),
        CheckConstraint("cardinality(rectangle) = 4", name="rectangle_has_four_sides"),
        *base.watched_constraints("place_searches"),
        {"postgresql_with": base.WATCHED_STORAGE},
    )

    text: Mapped[str] = mapped_column(comment="what is searched: bakeries")
    area: Mapped[str] = mapped_column(comment="the name of a town, or south,west,north,east")
    tile: Mapped[str] = mapped_column(
        server_default="", comment="which part of the area: t the town, a to d its quarters"
    )
    name: Mapped[str] = mapped_column(
        Computed("text || ' in ' || area || CASE WHEN tile = '' THEN '' ELSE ', tile ' || tile END", persisted=True)
    )
    parent_id: Mapped[RecordId | None] = mapped_column(BigInteger, ForeignKey("place_searches.id"))
    root_id: Mapped[RecordId | None] = mapped_column(
        BigInteger, ForeignKey("place_searches.id"), comment="the search of a tile; it pays the tile's calls"
    )
    rectangle: Mapped[list[float] | None] = mapped_column(
        ARRAY(Double), comment="of a tile: {south, west, north, east} in degrees"
    )
    located_at: Mapped[datetime | None] = mapped_column(comment="when Google gave the rectangle of the town")
    is_split: Mapped[bool] = mapped_column(server_default="false", comment="its tiles are searched, not itself")
    places_found: Mapped[int | None] = mapped_column(comment="by the last run of this record")
    searched_at: Mapped[datetime | None]

    curation_status: Mapped[Curation] = base.curated()

    status: Mapped[Status] = base.watched()
    due_at: Mapped[datetime | None] = base.due_at()
    failures: Mapped[int] = base.failures()
    error_code: Mapped[str | None] = base.error_code()
    error: Mapped[str | None] = base.error_text()


class PlaceFound(base.Base):
    """One search found one place."""

    __tablename__ = "places_found"
    __table_args__ = (PrimaryKeyConstraint("search_id", "place_id"), Index("ix_places_found_place_id", "place_id"))

    search_id: Mapped[RecordId] = mapped_column(
        BigInteger, ForeignKey("place_searches.id", ondelete="CASCADE"), comment="the search, not its tile"
    )
    place_id: Mapped[RecordId] = mapped_column(BigInteger, ForeignKey("places.id", ondelete="CASCADE"))
    first_found: Mapped[datetime] = mapped_column(server_default=sql.now())
    last_found: Mapped[datetime] = mapped_column(server_default=sql.now())

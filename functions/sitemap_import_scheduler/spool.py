"""Store the pages of a sitemap: spooled to a file while they are read, then written by one COPY and one upsert.

Memory is bounded whatever the sitemap's size. The spool is an unnamed temporary file: it disappears when it is no
longer referenced, also if the outcome is never applied.
"""

import io
import json
import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection, text

from scrapersky.web.page_type import page_type_of
from scrapersky.web.sitemaps import Entry
from scrapersky.web.urls import host_and_path, path_depth

MAX_COUNT = 32_767
"""The largest smallint; larger counts are stored as this."""

STAGE = text("""
CREATE TEMPORARY TABLE new_pages (
    n bigint, url text, last_modified timestamptz, changefreq text, priority numeric(2, 1), image_count smallint,
    video_count smallint, news_count smallint, hreflang jsonb, page_type text, path_depth smallint, other_host boolean
) ON COMMIT DROP
""")

DROP = text("DROP TABLE new_pages")

COPY = "COPY new_pages FROM STDIN"
NULL = "\\N"  # in COPY's text format


def _merged(column: str, by_another_file: str) -> str:
    """Return the new value of ``column``: that of the page's own sitemap file, else ``by_another_file``."""
    is_own_file = "pages.sitemap_file_id IS NULL OR pages.sitemap_file_id = excluded.sitemap_file_id"
    return f"CASE WHEN {is_own_file} THEN excluded.{column} ELSE {by_another_file} END"


MERGED = {
    "sitemap_file_id": "coalesce(pages.sitemap_file_id, excluded.sitemap_file_id)",
    "last_modified": _merged("last_modified", "greatest(pages.last_modified, excluded.last_modified)"),
    "changefreq": _merged("changefreq", "coalesce(pages.changefreq, excluded.changefreq)"),
    "priority": _merged("priority", "coalesce(pages.priority, excluded.priority)"),
    "image_count": _merged("image_count", "greatest(pages.image_count, excluded.image_count)"),
    "video_count": _merged("video_count", "greatest(pages.video_count, excluded.video_count)"),
    "news_count": _merged("news_count", "greatest(pages.news_count, excluded.news_count)"),
    "hreflang": _merged("hreflang", "coalesce(pages.hreflang, excluded.hreflang)"),
    # A home page that links a page by the name of its type knows better than the path.
    "page_type": "CASE WHEN pages.lead_source = 'home_page_link' THEN pages.page_type ELSE excluded.page_type END",
    "path_depth": "excluded.path_depth",
    "other_host": "excluded.other_host",
    "label": "coalesce(pages.label, excluded.label)",
}
"""{column: its new value} for a page that is listed again. The sitemap file that listed it first determines its facts;
other files, such as ``sitemap.xml`` next to ``post-sitemap.xml``, only fill gaps. Otherwise each import would undo the
other's."""

COLUMNS = ", ".join(name for name in MERGED if name not in ("sitemap_file_id", "label"))

UPSERT = text(f"""
WITH listed AS (
    -- Each page once, as its first entry lists it.
    SELECT DISTINCT ON (url) * FROM new_pages ORDER BY url, n
),
stored AS (
    -- In URL order, so that two imports that share pages lock them in the same order. Unchanged rows are not written.
    INSERT INTO pages (domain_id, sitemap_file_id, tenant, label, url, {COLUMNS})
    SELECT :domain_id, :sitemap_file_id, :tenant, :label, url, {COLUMNS}
    FROM listed ORDER BY url
    ON CONFLICT (domain_id, url) DO UPDATE SET
        {", ".join(f"{name} = {value}" for name, value in MERGED.items())}, updated_at = now()
    WHERE ({", ".join(f"pages.{name}" for name in MERGED)}) IS DISTINCT FROM ({", ".join(MERGED.values())})
    RETURNING 1
)
SELECT count(*) FROM listed
""")


_moment = lru_cache(maxsize=4_096)(datetime.isoformat)
"""Cached, as a sitemap repeats its dates."""


@lru_cache(maxsize=256)
def _counts(*numbers: int) -> str:
    return "\t".join(str(min(number, MAX_COUNT)) for number in numbers)


def _json(value: Mapping[str, str]) -> str:
    return json.dumps(value).replace("\\", "\\\\")


class Spool:
    """The pages of one sitemap of ``host`` in their order, in COPY's text format."""

    def __init__(self, host: str) -> None:
        self._own_host = host
        self._file = io.TextIOWrapper(tempfile.TemporaryFile(), encoding="utf-8", newline="")  # noqa: SIM115
        self.listed = 0

    def add(self, entries: Iterable[Entry]) -> None:
        """Add entries in the order in which the reader returns them."""
        self._file.writelines(map(self._line, entries))

    def _line(self, entry: Entry) -> str:
        """Return the entry's line. Only hreflang may contain characters to escape: all other fields are normalised."""
        url, last_modified, changefreq, priority, images, videos, news, alternates = entry
        host, path = host_and_path(url)
        self.listed += 1
        return (
            f"{self.listed}\t{url}\t{_moment(last_modified) if last_modified else NULL}\t{changefreq or NULL}\t"
            f"{NULL if priority is None else priority}\t{_counts(images, videos, news)}\t"
            f"{_json(alternates) if alternates else NULL}\t{page_type_of(path).value}\t{path_depth(path)}\t"
            f"{'t' if host.removeprefix('www.') != self._own_host else 'f'}\n"
        )

    def store(
        self, connection: Connection, *, domain_id: int, sitemap_file_id: int, tenant: str, label: str | None = None
    ) -> int:
        """Insert new pages and update changed ones; return the number of distinct pages listed.

        A page keeps the sitemap file that listed it first. May be called again after its transaction was rolled back.
        """
        if not self.listed:
            return 0
        connection.execute(STAGE)
        self._file.flush()
        self._file.seek(0)
        connection.connection.cursor().execute(COPY, stream=self._file.buffer)  # type: ignore[call-arg]
        distinct: int = connection.execute(
            UPSERT, {"domain_id": domain_id, "sitemap_file_id": sitemap_file_id, "tenant": tenant, "label": label}
        ).scalar_one()
        connection.execute(DROP)  # several imports may be saved in one transaction
        return distinct

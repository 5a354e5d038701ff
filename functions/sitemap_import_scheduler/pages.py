"""Pages on their way from a sitemap into the table: spooled to a file as they are read, stored by one COPY and one upsert.

Memory is bounded whatever the sitemap's size. The spool is an unnamed temporary file: it is gone when nobody holds it any
more, also when the outcome is never applied.
"""

import csv
import io
import json
import tempfile
from collections.abc import Iterable
from urllib.parse import urlsplit

from sqlalchemy import Connection, text

from scrapersky.web.sitemaps import Entry
from sitemap_import_scheduler.page_type import page_type_of

MAX_COUNT = 32_767
"""What a smallint holds: more images of one page are counted as this many."""

STAGE = text("""
CREATE TEMPORARY TABLE new_pages (
    n bigint, url text, last_modified timestamptz, changefreq text, priority numeric(2, 1), image_count smallint,
    video_count smallint, news_count smallint, hreflang jsonb, page_type text, path_depth smallint, other_host boolean
) ON COMMIT DROP
""")

COPY = "COPY new_pages FROM STDIN WITH (FORMAT csv)"

UPSERT = text("""
WITH listed AS (
    SELECT DISTINCT ON (url) * FROM new_pages ORDER BY url, n
),
stored AS (
    INSERT INTO pages (domain_id, sitemap_file_id, tenant, url, last_modified, changefreq, priority, image_count,
                       video_count, news_count, hreflang, page_type, path_depth, other_host)
    SELECT :domain_id, :sitemap_file_id, :tenant, url, last_modified, changefreq, priority, image_count,
           video_count, news_count, hreflang, page_type, path_depth, other_host
    FROM listed ORDER BY url
    ON CONFLICT (domain_id, url) DO UPDATE SET
        last_modified = excluded.last_modified, changefreq = excluded.changefreq, priority = excluded.priority,
        image_count = excluded.image_count, video_count = excluded.video_count, news_count = excluded.news_count,
        hreflang = excluded.hreflang, page_type = excluded.page_type, path_depth = excluded.path_depth,
        other_host = excluded.other_host, updated_at = now()
    WHERE (pages.last_modified, pages.changefreq, pages.priority, pages.image_count, pages.video_count,
           pages.news_count, pages.hreflang, pages.page_type, pages.path_depth, pages.other_host)
        IS DISTINCT FROM (excluded.last_modified, excluded.changefreq, excluded.priority, excluded.image_count,
           excluded.video_count, excluded.news_count, excluded.hreflang, excluded.page_type, excluded.path_depth,
           excluded.other_host)
    RETURNING 1
)
SELECT count(*) FROM listed
""")


class Spool:
    """The pages of one sitemap of ``host``, in the order they were listed."""

    def __init__(self, host: str) -> None:
        self._own_host = host
        self._file = io.TextIOWrapper(tempfile.TemporaryFile(), encoding="utf-8", newline="")  # noqa: SIM115
        self._rows = csv.writer(self._file)
        self.listed = 0

    def add(self, entries: Iterable[Entry]) -> None:
        """Takes the entries a reader gives."""
        for entry in entries:
            parts = urlsplit(entry.url)
            self.listed += 1
            self._rows.writerow(
                (
                    self.listed,
                    entry.url,
                    entry.last_modified.isoformat() if entry.last_modified else None,
                    entry.changefreq,
                    entry.priority,
                    min(entry.images, MAX_COUNT),
                    min(entry.videos, MAX_COUNT),
                    min(entry.news, MAX_COUNT),
                    json.dumps(entry.alternates) if entry.alternates else None,
                    page_type_of(parts.path).value,
                    sum(1 for segment in parts.path.split("/") if segment),
                    (parts.hostname or "").removeprefix("www.") != self._own_host,
                )
            )

    def store(self, connection: Connection, *, domain_id: int, sitemap_file_id: int, tenant: str) -> int:
        """Inserts what is new and updates what changed, in url order; returns how many distinct pages were listed.

        A page keeps the sitemap file that named it first. May be called again if its transaction was rolled back.
        """
        if not self.listed:
            return 0
        connection.execute(STAGE)
        self._file.flush()
        self._file.seek(0)
        connection.connection.cursor().execute(COPY, stream=self._file.buffer)  # type: ignore[call-arg]
        distinct: int = connection.execute(
            UPSERT, {"domain_id": domain_id, "sitemap_file_id": sitemap_file_id, "tenant": tenant}
        ).scalar_one()
        return distinct

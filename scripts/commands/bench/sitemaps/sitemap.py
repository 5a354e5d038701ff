"""The sitemap that is read: generated, so that every run and every machine reads the same."""

from collections.abc import Iterator
from pathlib import Path

HOST = "https://www.example.com"
PATHS = (
    "products/{n}-garden-chair-{k}",
    "blog/2025/{m:02}/post-number-{n}",
    "category/page/{n}",
    "tag/topic-{n}?sort=new&amp;page={k}",
    "caf%C3%A9/menu-{n}",
    "about/team/member-{n}",
    "shop/item.php?id={n}&amp;variant={k}&amp;ref=sitemap",
    "news/{n}/",
)
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
    'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">\n'
)


def write(file: Path, urls: int) -> Path:
    """Write a urlset of ``urls`` entries as plugins do: dates with time zones, changefreq, priority, some images."""
    with file.open("w", encoding="utf-8") as out:
        out.write(HEAD)
        out.writelines(entries(urls))
        out.write("</urlset>\n")
    return file


def entries(urls: int) -> Iterator[str]:
    """Yield the text of each entry."""
    for n in range(urls):
        month, day, k = 1 + n % 12, 1 + n % 28, n % 97
        path = PATHS[n % len(PATHS)].format(n=n, k=k, m=month)
        picture = f"\n\t\t<image:image><image:loc>{HOST}/i/{n}.jpg</image:loc></image:image>" if n % 10 == 0 else ""
        date = f"2025-{month:02}-{day:02}T0{n % 10}:15:{n % 60:02}+00:00"
        yield (
            f"\t<url>\n\t\t<loc>{HOST}/{path}</loc>\n\t\t<lastmod>{date}</lastmod>"
            f"\n\t\t<changefreq>weekly</changefreq>\n\t\t<priority>0.{n % 10}</priority>{picture}\n\t</url>\n"
        )

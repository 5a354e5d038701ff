"""One broken entry of every kind: its URL, its fields, its extensions, and the markup around them."""

LOCS = (
    "", " ", "]]&gt;", "%5D%5D%3E", "&#32;", "<", ">", "&amp;", "&nbsp;", "&undefined;", "&#0;", "&#xD800;", "&#x110000;",
    "&#99999999999;", "//", "/\\", "http:", "https://", "https://https://", "http://[::1", "http://[v1.x]/", "http://a b/",
    "http://%00/", "http://\u212a.example/", "http://xn--/", "http://1.2.3.4.5/", "javascript:x", "mailto:a@b.example",
    "\\", "?", "#", "{{ url }}", "{% url %}", "http://user:pw@h.example/", "http://h.example:99999/", "x" * 5_000,
    "/" + "%" * 2_000, "\u202e/a", "\ud7ff\ufffd", "<a>b</a>", "<![CDATA[", "<![CDATA[/x]]", "<!-- x", "a\nb\tc",
)  # fmt: skip
DATES = (
    "0000-00-00", "2024-13-45", "99999-01-01", "9999-12-31T23:59:59-15:59", "2024-01-01T00:00:00+23:59",
    "2024-01-01T00:00:00-16:00", "2024-01-01T00:00:00+99:99", "2024-01-01T24:00:00Z", "0001-01-01T00:00:00+14:00", "1e400",
    "-1", "٢٠٢٤-٠١-٠١", "Mon, 99 Jan 2024 99:99:99 +9999", "20240101T999999", "1 Jan 2024 00:00:00 -2359", "T", "x" * 5_000,
)  # fmt: skip
NUMBERS = ("1e999", "nan", "inf", "-0.1", "1.0001", "９", "0.5.5", "0,5", "0x1", "1_0", "." * 99, "9" * 999, "")
LANGUAGES = ("", "x-default", "de_DE", "'", "\\", "a\tb", "&#9;", "&#10;", "\u0130", "&quot;", "x" * 500)
MARKUP = (
    "<url>", "</url>", "<url/>", "<url a=b>", "<url a='1' a='2'>", "<url <loc>", "<loc>", "</loc>", "<loc/>", "<1>", "<:>",
    "</>", "<x:y:z/>", "<a\x01b/>", "&", "&&;", "]]>", "<![CDATA[ ]]>", "<!-- -- -->", "<!--->", "-->", "<?php x ?>",
    "<?xml version='1.0'?>", "<?", "<!x>", "<url><url><url>", "<sitemap>", "<urlset>", "<url xmlns='x'/>", "\x00", "\ufffe",
    "<a>" * 100, "<a b='" + "x" * 300_000 + "'/>", "<url><lastmod><![CDATA[</lastmod></url>", "<url><loc><![CDATA[x</url>",
)  # fmt: skip


def broken_entries() -> list[str]:
    """Return what may stand between two entries of a urlset, each broken in one way."""
    entries = [f"<url><loc>{loc}</loc></url>" for loc in LOCS]
    entries += [f"<url><loc>/bad</loc><lastmod>{date}</lastmod></url>" for date in DATES]
    entries += [f"<url><loc>/bad</loc><priority>{number}</priority></url>" for number in NUMBERS]
    entries += [
        f"<url><loc>/bad</loc><changefreq>{word}</changefreq></url>" for word in ("x" * 5_000, "DAILY", "", "\\N")
    ]
    entries += [f"<url><loc>/bad</loc><xhtml:link hreflang=\"{word}\" href='/de'/></url>" for word in LANGUAGES]
    entries += [f"<url><loc>/bad</loc><xhtml:link hreflang='de' href='{loc}'/></url>" for loc in LOCS if "<" not in loc]
    entries += ["<url><loc>/bad</loc>" + "<image:image/>" * 40_000 + "</url>", *MARKUP]
    return entries

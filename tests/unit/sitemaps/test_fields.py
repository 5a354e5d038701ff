"""The fields of an entry: parsed if they are valid, otherwise None."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapersky.web.sitemaps.dates import parse_lastmod
from tests.unit.sitemaps.reading import read, urlset

NOON = datetime(2024, 5, 6, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024", datetime(2024, 1, 1, tzinfo=UTC)),
        ("2024-05", datetime(2024, 5, 1, tzinfo=UTC)),
        ("2024-05-06", datetime(2024, 5, 6, tzinfo=UTC)),
        ("2024-05-06T12:30Z", NOON),
        ("2024-05-06T12:30:45Z", NOON.replace(second=45)),
        ("2024-05-06T12:30:45.123456789Z", NOON.replace(second=45, microsecond=123_456)),
        ("2024-05-06T14:30+02:00", NOON),
        ("2024-05-06T02:00:00-10:30", NOON),
        ("2024-05-06T14:30:00+0200", NOON),
        ("2024-05-06T14:30:00+02", NOON),
        ("2024-05-06T12:30:00", NOON),
        ("2024-05-06 12:30:00 UTC", NOON),
        (" 2024-05-06t12:30z\n", NOON),
        ("2024-05-06T12:30:00+15:59", datetime(2024, 5, 5, 20, 31, tzinfo=UTC)),
        ("2024-05-06 12:30:00 PM", NOON),
        ("2024-05-06 12:30 a.m.", NOON.replace(hour=0)),
        ("2024/05/06 2:30:00 PM +02:00", NOON),
        ("2024/05/06", NOON.replace(hour=0, minute=0)),
        ("2024-5-6", NOON.replace(hour=0, minute=0)),
        ("2024.05.06", NOON.replace(hour=0, minute=0)),
        ("20240506", NOON.replace(hour=0, minute=0)),
        ("20240506T123000Z", NOON),
        ("2024-05-05T24:00:00Z", NOON.replace(hour=0, minute=0)),
        ("2024-05-06 12:30:00 +0000 UTC", NOON),
        ("2024-05-06 14:30:00.0 +0200 CEST m=+0.000012", NOON),
        ("Mon May 06 14:30:00 CEST 2024", NOON),
        ("Mon May  6 12:30:00 2024", NOON),
        ("Monday, May 6, 2024 12:30:00 PM", NOON),
        ("May 6, 2024 at 12:30 PM", NOON),
        ("6 May 2024", NOON.replace(hour=0, minute=0)),
        ("Mon, 06 May 2024 08:30:00 EDT", NOON),
        ("Mon, 06 May 24 12:30:00 GMT", NOON),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("Mon, 06 May 2024 12:30:00 GMT", NOON),
        ("Mon May 06 2024 14:30:00 GMT+0200 (Central European Summer Time)", NOON),
        ("1997-07-16T19:20:30.45+01:00", datetime(1997, 7, 16, 19, 20, 30, 450_000, timezone(timedelta(hours=1)))),
    ],
)
def test_lastmod_is_parsed_in_all_precisions_as_an_aware_instant(text: str, moment: datetime) -> None:
    assert parse_lastmod(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "", "0000-00-00", "0000-00-00T00:00:00Z", "0001-01-01T00:00:00", "99999-01-01", "2024-13-01", "2024-02-30",
        "2024-05-06T25:00Z", "2024-05-06T12:30+99:00", "yesterday", "06/05/2024",
        "2024-05-06T12:30:00+16:00", "2024-05-06T12:30:00-23:59", "2024-05-06 24:30",
        "2024-W01-1", "NaN",
        "２０２４-05-06", "2024-05-06T12", "1714996200", "9999-12-31T23:59:59Z", "x" * 10_000, "\x00", "12:30:45:99 x",
    ],
)  # fmt: skip
def test_an_invalid_lastmod_is_none(text: str) -> None:
    assert parse_lastmod(text) is None


@given(st.text(max_size=40) | st.from_regex(r"\d{1,5}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?([+-]\d\d:?\d\d|Z)?"))
def test_any_text_gives_none_or_an_aware_instant_that_utc_can_express(text: str) -> None:
    moment = parse_lastmod(text)
    assert moment is None or (moment.utcoffset() is not None and moment.astimezone(UTC).year >= 1969)


def fields(xml: str) -> tuple[str | None, float | None]:
    (entry,) = read(f"<urlset><url><loc>/a</loc>{xml}</url></urlset>").entries
    return entry.changefreq, entry.priority


@pytest.mark.parametrize(
    ("text", "priority"),
    [("0.5", 0.5), (" 1.0 ", 1.0), ("0", 0.0), (".8", 0.8), ("1.", 1.0)]
    + [(text, None) for text in ("1.1", "-0.1", "nan", "inf", "0,5", "high", "", "1e-1", "0_1", "٠.٥")],
)
def test_a_priority_is_between_0_and_1_or_none(text: str, priority: float | None) -> None:
    assert fields(f"<priority>{text}</priority>") == (None, priority)


@pytest.mark.parametrize(("text", "word"), [("weekly", "weekly"), (" Daily ", "daily"), ("often", None), ("", None)])
def test_a_changefreq_is_a_word_of_the_protocol_or_none(text: str, word: str | None) -> None:
    assert fields(f"<changefreq>{text}</changefreq>") == (word, None)


def test_fields_inside_extensions_are_not_fields_of_the_page() -> None:
    xml = "<video:video><video:publication_date>2020</video:publication_date><priority>0.9</priority></video:video>"
    (entry,) = read(f"<urlset><url>{xml}<loc>/a</loc></url></urlset>").entries
    assert (entry.priority, entry.last_modified, entry.videos) == (None, None, 1)


@pytest.mark.parametrize(
    ("loc", "url"),
    [
        ("example.com/about", "https://example.com/about"),
        ("www.example.com/about", "https://www.example.com/about"),
        ("Example.com", "https://example.com/"),
        ("example.com.html", "https://example.com/maps/example.com.html"),
        ("example.community/a", "https://example.com/maps/example.community/a"),
        ("about/team.html", "https://example.com/maps/about/team.html"),
        ("https/guide.html", "https://example.com/maps/https/guide.html"),
        ("http://https://example.com/a", "https://example.com/a"),
        ("https://https://example.com/a", "https://example.com/a"),
        ("https://http://https://example.com/a", "https://example.com/a"),
        ("http://https//example.com/a", "https://example.com/a"),
        ("https//example.com/a", "https://example.com/a"),
        ("https://example.com/?to=https://other.example/", "https://example.com/?to=https://other.example/"),
    ],
)
def test_a_forgotten_or_doubled_scheme_is_repaired(loc: str, url: str) -> None:
    assert read(urlset(loc)).urls == [url]


@pytest.mark.parametrize(
    "broken",
    ["]]&gt;", "%5D%5D%3E", "%5d%5d>", "", " ", "&#32;", "<", "&amp;", "//", "http:", "https://", "https://https://", "\\", "?",
     "#"],
)  # fmt: skip
@pytest.mark.parametrize("body", [
    "<urlset><url><loc>/a</loc></url><url><loc>{}</loc></url><url><loc>/b</loc></url></urlset>",
    "<urlset><url><loc>/a</loc></url><url><loc>/b</loc><xhtml:link hreflang='de' href='{}'/></url></urlset>",
    "<rss><channel><item><link>/a</link></item><item><link>{}</link></item><item><link>/b</link></item></channel></rss>",
    "<feed><entry><link href='/a'/></entry><entry><id>{}</id></entry><entry><link href='/b'/></entry></feed>",
    "https://example.com/a\n{}\nhttps://example.com/b",
])  # fmt: skip
def test_a_broken_entry_costs_at_most_itself(broken: str, body: str) -> None:
    urls = read(body.replace("{}", broken)).urls
    assert (urls[0], urls[-1]) == ("https://example.com/a", "https://example.com/b")


@pytest.mark.parametrize(
    "loc", ["{{ page.url }}", "https://example.com/{% url 'a' %}", "https://example.com/%7B%7Burl%7D%7D"]
)
def test_an_entry_whose_template_was_not_rendered_is_skipped(loc: str) -> None:
    for found in (
        read(urlset("https://example.com/a", loc, "https://example.com/b")),
        read(f"https://example.com/a\n{loc}\nhttps://example.com/b"),
    ):
        assert found.urls == ["https://example.com/a", "https://example.com/b"]
        assert found.reader.skipped == 1

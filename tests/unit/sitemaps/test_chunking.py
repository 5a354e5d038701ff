"""The result never depends on how the network cuts a body into chunks."""

import gzip
import itertools
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from scrapersky.web.sitemaps import Entry, Limits, SitemapReader, SitemapRefused
from tests.unit.sitemaps.reading import URL, index, urlset
from tests.unit.sitemaps.test_kinds import ATOM, HREFLANG, IMAGES, RDF, RSS
from tests.unit.sitemaps.test_malformed import REFUSED, SURVIVED

DOCUMENTS = [
    *(body for body, _ in SURVIVED.values()),
    *(body.decode("latin-1") for body, _ in REFUSED.values()),
    *(ATOM, HREFLANG, IMAGES, RDF, RSS, index("/a", "b"), "https://example.com/a\r\nhttps://example.com/b"),
    *(urlset("/a", "/b", "/c").replace("<url>", f'<url id="{"x" * length}">', 2) for length in (90, 150, 300)),
    urlset(*(f"/{number}" for number in range(400))),  # more than one piece of the parser's grid
    urlset(*(f"/{number}" for number in range(400))).replace("</loc>", "</lastmod>", 300),
]
PIECES = ["<url>", "</url>", "<loc>", "</loc>", "http://a.test/", "&", "&amp;", "&nbsp;", "<", ">", '"', "<!--", "-->"]
PIECES += ["<![CDATA[", "]]>", "<?xml ?>", "<urlset>", "</urlset>", "\n", "é", "\x00", "<image:image>", "<url a=", "/>"]
ROOT = re.compile(r"<(?:\w+:)?(?:urlset|sitemapindex|rss|rdf|feed)\b[^<>]*>|(?<=/a)\r?\n", re.IGNORECASE)
HEAD = 16_390  # the reader collects its head first; only the text behind it is parsed as it arrives
UNCUT = 16_300


def long(text: str) -> str:
    """Return ``text`` with so many line breaks behind its start that the rest is beyond the reader's head."""
    return ROOT.sub(lambda root: root[0] + "\n" * HEAD, text, count=1)


documents = st.sampled_from(DOCUMENTS) | st.lists(st.sampled_from(PIECES), max_size=60).map(
    lambda pieces: "<urlset>" + "".join(pieces)
)
bodies = st.builds(
    lambda text, lengthen, encoding, packed: (gzip.compress if packed else bytes)(
        lengthen(text).encode(encoding, "replace")
    ),
    documents,
    st.sampled_from([str, long, long]),
    st.sampled_from(["utf-8", "utf-16", "latin-1"]),
    st.sampled_from([False, False, True]),
)


def outcome(chunks: list[bytes], limits: Limits, *, truncated: bool) -> tuple[object, ...]:
    reader = SitemapReader(URL, limits)
    entries: list[Entry] = []
    try:
        for chunk in chunks:
            entries += reader.feed(chunk)
        entries += reader.close(truncated=truncated)
    except SitemapRefused as refusal:
        return entries, refusal.code, refusal.reason
    return entries, reader.error, reader.capped, reader.truncated, reader.skipped, reader.file_type, reader.is_gzip


@settings(max_examples=400, deadline=None)
@given(
    body=bodies,
    cuts=st.lists(st.integers(0, 1_000), max_size=8),
    size=st.sampled_from([1, 2, 3, 7, 100]),
    limits=st.builds(
        Limits,
        urls=st.sampled_from([1, 3, 50_000]),
        decoded_bytes=st.sampled_from([300, 52_428_800]),
        tag_bytes=st.sampled_from([100, 262_144]),
        repairs=st.sampled_from([2, 20, 2_000_000]),
    ),
    truncated=st.booleans(),
)
def test_the_chunks_never_change_the_result(
    body: bytes, cuts: list[int], size: int, limits: Limits, truncated: bool
) -> None:
    start = UNCUT if len(body) > UNCUT else 0
    edges = sorted({0, len(body), *(start + cut for cut in cuts if start + cut < len(body))})
    at_cuts = [body[start:end] for start, end in itertools.pairwise(edges)]
    in_steps = [body[:start], *(body[at : at + size] for at in range(start, len(body), size))]
    whole = outcome([body], limits, truncated=truncated)
    assert outcome(at_cuts, limits, truncated=truncated) == whole
    assert outcome(in_steps, limits, truncated=truncated) == whole


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: ("<urlset>" + text).encode("utf-8", "replace")))
def test_any_bytes_are_read_or_refused_and_every_entry_has_a_url(body: bytes) -> None:
    result = outcome([body], Limits(), truncated=False)
    entries = result[0]
    assert isinstance(entries, list)
    assert all(entry.url.startswith(("http://", "https://")) for entry in entries)

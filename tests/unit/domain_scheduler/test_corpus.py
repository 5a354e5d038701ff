"""Agreement with the corpus of real websites: by field, by format, by encoding. ``scripts/agreement`` prints the tables."""

import json
from collections.abc import Callable

import pytest

from tests.agreement import encodings, pages, sitemaps
from tests.agreement.__main__ import WANTED, main
from tests.agreement.corpus import DEFAULT, Corpus
from tests.agreement.score import Table

CORPUS = Corpus(DEFAULT)

pytestmark = pytest.mark.skipif(not CORPUS.is_here(), reason=f"the corpus of real websites is not at {DEFAULT}")

FIELDS = {"title", "description", "lang", "mailto", "tel", "socials", "generator", "JSON-LD types", "encoding"}
FORMATS = {"urlset", "index", "text", "rss", "urlset, gzip", "urlset, broken", "no sitemap, refused", "all urls"}


@pytest.mark.parametrize(
    ("compare", "rows"), [(pages.compare, FIELDS), (sitemaps.compare, FORMATS)], ids=["fields", "formats"]
)
def test_every_row_agrees_with_the_corpus_and_each_difference_is_explained(
    compare: Callable[[Corpus], Table], rows: set[str]
) -> None:
    scores = compare(CORPUS).scores
    assert rows <= scores.keys()
    assert {name: score.wrong for name, score in scores.items() if score.share < WANTED} == {}
    assert {name: score.unexplained for name, score in scores.items() if score.unexplained} == {}


def test_of_51_home_pages_each_has_its_title() -> None:
    assert pages.compare(CORPUS)["title"].total == 51


def test_a_page_in_another_encoding_reads_the_same() -> None:
    scores = encodings.compare(CORPUS).scores
    assert {name: score.wrong for name, score in scores.items() if score.wrong} == {}
    assert len(scores) == 10


def test_the_tables_can_be_had_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["Home pages, by field"]["title"] == {"right": 51, "total": 51, "share": 1.0, "differences": []}

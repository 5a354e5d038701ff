"""The facts that are read from the corpus of real websites agree with the truth.

``scripts/agreement`` prints the tables.
"""

import json
from collections.abc import Callable

import pytest

from tests.agreement import contact_pages, pages, sitemaps
from tests.agreement.__main__ import REQUIRED_SHARE, main
from tests.agreement.corpus import DEFAULT, Corpus
from tests.agreement.score import Table

CORPUS = Corpus(DEFAULT)

pytestmark = pytest.mark.skipif(not CORPUS.exists(), reason=f"the corpus of real websites is not at {DEFAULT}")

FIELDS = {"title", "description", "lang", "mailto", "tel", "socials", "generator", "JSON-LD types", "encoding"}
FORMATS = {"urlset", "index", "text", "rss", "urlset, gzip", "urlset, broken", "no sitemap, refused", "all URLs"}


@pytest.mark.parametrize(
    ("compare", "rows"),
    [
        (pages.compare, FIELDS),
        (contact_pages.compare, {"e-mails are on the page", "phones are on the page"}),
        (sitemaps.compare, FORMATS),
    ],
    ids=["fields", "contact pages", "formats"],
)
def test_every_row_agrees_with_the_corpus_and_each_difference_is_explained(
    compare: Callable[[Corpus], Table], rows: set[str]
) -> None:
    scores = compare(CORPUS).scores
    assert rows <= scores.keys()
    assert {name: score.differences for name, score in scores.items() if score.share < REQUIRED_SHARE} == {}
    assert {name: score.unexplained for name, score in scores.items() if score.unexplained} == {}


def test_contact_pages_add_contacts_of_each_kind() -> None:
    for kind, row in contact_pages.gains(CORPUS).items():
        assert row["with contact pages"] > row["home page"] > 0, kind
        assert row["websites with contact pages"] >= row["websites"] > 0, kind


def test_all_51_home_pages_have_a_title() -> None:
    assert pages.compare(CORPUS)["title"].total == 51


def test_a_page_in_another_encoding_has_the_same_title_and_description() -> None:
    scores = pages.compare_encodings(CORPUS).scores
    assert {name: score.differences for name, score in scores.items() if score.differences} == {}
    assert len(scores) == 10


def test_the_tables_can_be_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"]) == 0
    tables = json.loads(capsys.readouterr().out)
    assert tables["Home pages, by field"]["title"] == {"agreed": 51, "total": 51, "share": 1.0, "differences": []}

"""Home pages in other encodings: which encoding is taken, and what title and description come of it."""

from domain_scheduler.html_page import HtmlPage
from scrapersky.web.charset import decode
from tests.agreement.corpus import Corpus
from tests.agreement.score import Table


def compare(corpus: Corpus) -> Table:
    """A row an encoding."""
    table = Table("Encodings (derived: each real page in another encoding)")
    for entry in corpus.derived_encodings():
        decoded = decode(corpus.read("derived_encodings", entry["file"]), entry["content_type"])
        page = HtmlPage.parse(decoded.text, "https://x.example/", 500_000)
        score = table[f"{entry['encoding']} ({entry['declared']})"]
        ours = (page.title, page.description)
        score.count(
            ours == (entry["title"], entry["description"]), entry["file"], f"read as {decoded.encoding}: {ours!r}"
        )
    return table

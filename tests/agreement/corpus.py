"""The files of the corpus: websites as they were fetched, and the truth about them."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DEFAULT = Path(__file__).parents[3] / "shared" / "corpus"


@dataclass(frozen=True)
class Corpus:
    """The corpus in ``folder``."""

    folder: Path

    def exists(self) -> bool:
        """Return whether the folder contains a corpus."""
        return (self.folder / "truth.jsonl").is_file()

    def sites(self) -> Iterator[dict[str, Any]]:
        """Return the truth about each site."""
        return self._lines("truth.jsonl")

    def derived_encodings(self) -> Iterator[dict[str, Any]]:
        """Return home pages that were converted to another encoding."""
        return self._lines("derived_encodings/index.jsonl")

    def extra_sitemaps(self) -> Iterator[dict[str, Any]]:
        """Return sitemap files without their site."""
        return self._lines("sitemaps_extra/index.jsonl")

    def read(self, *parts: str) -> bytes:
        """Return a file's content."""
        return self.folder.joinpath(*parts).read_bytes()

    def _lines(self, name: str) -> Iterator[dict[str, Any]]:
        path = self.folder / name
        return map(json.loads, path.read_text("utf-8").splitlines()) if path.is_file() else iter(())


@cache
def true_locs(corpus: Corpus, domain: str) -> dict[str, list[str]]:
    """Return {path: texts of ``<loc>``} of a site's sitemap files."""
    path = corpus.folder / "truth_locs" / f"{domain}.jsonl.gz"
    text = gzip.decompress(path.read_bytes()).decode() if path.exists() else ""
    return {file["path"]: file["locs"] for file in map(json.loads, text.splitlines())}

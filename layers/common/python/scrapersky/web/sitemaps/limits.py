"""How much of one sitemap is read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on one sitemap; the defaults are what sitemaps.org allows a file, and far above what a sane one nests.

    What lies beyond ``urls`` or ``decoded_bytes`` is not read, and the reader says so (``capped``); so it does where XML
    needs more than ``repairs`` characters mended or breaks oftener than ``urls`` times. An element nested deeper than
    ``depth`` or a tag longer than ``tag_bytes`` is treated as broken XML: reading goes on at the next entry.
    """

    urls: int = 50_000
    decoded_bytes: int = 52_428_800
    repairs: int = 2_000_000
    depth: int = 64
    tag_bytes: int = 262_144
    field_characters: int = 4_096
    alternates: int = 250

"""How much is kept of what a page says: columns should stay readable, and rows small. Numbers of characters."""

MAX_TITLE = 1_024
"""A title; also a generator, and the content of a meta element."""

MAX_DESCRIPTION = 4_096
"""A description."""

MAX_URL = 2_048
"""The longest url; a longer one is not a url that anybody could use."""

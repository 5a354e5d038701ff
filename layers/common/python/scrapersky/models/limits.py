"""Limits that the tables' checks hold, for those who write: they need no mapping."""

MAX_ERROR_LENGTH = 1024
"""Characters of an error's text kept on the record (the full timeline is in its attempts)."""

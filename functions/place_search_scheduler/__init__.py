"""The background service place-search-scheduler."""

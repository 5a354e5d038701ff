"""Sitemaps: read by ours and by others, each in a process of its own; and pages stored in several ways."""

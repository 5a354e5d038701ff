"""Sitemaps: read by ours and other readers, each in a process of its own; and pages stored in several ways."""

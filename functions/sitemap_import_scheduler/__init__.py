"""sitemap-import-scheduler: stores the pages of every queued sitemap file."""

"""sitemap-import-scheduler: turns every queued sitemap file into pages."""

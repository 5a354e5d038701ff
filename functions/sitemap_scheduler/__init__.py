"""sitemap-scheduler: finds sitemaps, scans places, and turns websites of businesses into domains."""

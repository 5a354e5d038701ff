"""sitemap-scheduler: finds sitemaps, scans places, and creates domains for the websites of businesses."""

"""domain-sitemap-submission: creates the sitemap row of every queued domain, which starts its discovery."""

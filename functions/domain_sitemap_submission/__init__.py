"""domain-sitemap-submission: submits every queued domain for sitemap analysis."""

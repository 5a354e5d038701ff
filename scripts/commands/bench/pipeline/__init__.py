"""The pipeline end to end: queued domains, a slow web, one job function, and several ways to run it."""

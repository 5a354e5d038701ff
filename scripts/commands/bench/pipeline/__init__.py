"""The pipeline end to end: queued domains, a slow web, one job function, and several ways to get the work done."""

"""``scripts/new-service``: write a background service that lacks only its job's own logic."""

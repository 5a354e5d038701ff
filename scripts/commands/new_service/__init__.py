"""``scripts/new-service``: writes a whole background service that lacks only its job's logic."""

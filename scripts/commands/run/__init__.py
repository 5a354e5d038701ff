"""``scripts/run``: the whole system on this machine."""

"""``scripts/explain``: one record's timeline, from a database or from a stage."""
